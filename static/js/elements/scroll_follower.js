/** Follows what grows at the end of a scroller, but only while the reader is there himself. */

const NEAR_PX = 48;

export class ScrollFollower {
  #scroller;
  #button;
  #isAtEnd = true;

  constructor(scroller, button, signal) {
    this.#scroller = scroller;
    this.#button = button;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true, signal });
    button.addEventListener("click", () => this.toEnd("smooth"), { signal });
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(scroller);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  /** Something has grown. */
  follow() {
    if (this.#isAtEnd) this.toEnd();
    else this.#look();
  }

  toEnd(behavior = "instant") {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#scroller.scrollTo({ top: this.#scroller.scrollHeight, behavior: isCalm ? "instant" : behavior });
    this.#isAtEnd = true;
    this.#button.hidden = true;
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.#button.hidden = this.#isAtEnd;
  }

  /** What stands below the scroller keeps its edges in line with what stands in it. */
  #resized() {
    const gutter = (this.#scroller.offsetWidth - this.#scroller.clientWidth) / 2;
    this.#scroller.parentElement.style.setProperty("--gutter", `${gutter}px`);
    this.follow();
  }
}
