/** Follows what grows at the end of a scroller, but only while the reader is there himself. */

const NEAR_PX = 48;

export class ScrollFollower {
  #scroller;
  #button;
  #isAtEnd = true;
  #top = 0;
  #height = 0;

  constructor(scroller, button, signal) {
    this.#scroller = scroller;
    this.#button = button;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true, signal });
    scroller.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#leave(), { passive: true, signal });
    button.addEventListener("click", () => this.toEnd("smooth"), { signal });
    const observer = new ResizeObserver(() => this.#resized());
    for (const box of [scroller, ...scroller.children]) observer.observe(box);
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

  #leave() {
    if (this.#scroller.scrollTop > 0) this.#isAtEnd = false;
  }

  /** Whoever moves up, however little, wants to read: he is left there until he comes back to the end. */
  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const rest = scrollHeight - scrollTop - clientHeight;
    const hasMovedUp = scrollTop < this.#top && scrollHeight >= this.#height;
    if (rest < 1) this.#isAtEnd = true;
    else if (hasMovedUp) this.#isAtEnd = false;
    else if (scrollTop > this.#top) this.#isAtEnd = rest < NEAR_PX;
    this.#top = scrollTop;
    this.#height = scrollHeight;
    this.#button.hidden = rest < NEAR_PX;
  }

  /** What stands below the scroller keeps its edges in line with what stands in it. */
  #resized() {
    const gutter = (this.#scroller.offsetWidth - this.#scroller.clientWidth) / 2;
    this.#scroller.parentElement.style.setProperty("--gutter", `${gutter}px`);
    this.follow();
  }
}
