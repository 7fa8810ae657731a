/**
 * A form whose `credential` a passkey fills in: a new one where `data-kind` is "create", else a proof of one, for which
 * no passkey is asked where the form has a `code` that is filled in.
 * What the authenticator is asked comes from `data-url`, or from the JSON in the element that `data-options` names.
 */
class PasskeyForm extends HTMLElement {
  #listening = new AbortController();

  connectedCallback() {
    if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return; // stays hidden: no passkeys here
    this.hidden = false;
    this.#listening = new AbortController();
    const form = /** @type {HTMLFormElement} */ (this.querySelector("form"));
    form.addEventListener("submit", (event) => this.#submit(event, form), { signal: this.#listening.signal });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  /** @param {SubmitEvent} event @param {HTMLFormElement} form */
  async #submit(event, form) {
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("credential"));
    const code = /** @type {HTMLInputElement | null} */ (form.elements.namedItem("code"));
    if (field.value || code?.value) return; // proved, or proved otherwise
    event.preventDefault();
    const fault = /** @type {HTMLElement | null} */ (form.querySelector("[role=alert]"));
    if (fault) fault.hidden = true;
    try {
      const options = await this.#options();
      const credential = this.dataset.kind === "create" ? await create(options, form) : await prove(options);
      field.value = JSON.stringify(credential);
      form.requestSubmit(event.submitter);
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
      if (fault) fault.hidden = false;
    }
  }

  async #options() {
    if (!this.dataset.url) return JSON.parse(document.getElementById(this.dataset.options ?? "")?.textContent ?? "{}");
    const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
    const response = await fetch(this.dataset.url, { headers, signal: this.#listening.signal });
    if (!response.ok) throw new TypeError("no options");
    return (await response.json()).request_options;
  }
}

/** @param {any} options @param {HTMLFormElement} form */
async function create(options, form) {
  const isAlone = form.querySelector("[name=passwordless]:checked") !== null; // signs in without a password
  const selection = options.creation_options.publicKey.authenticatorSelection;
  const own = isAlone ? { residentKey: "required", requireResidentKey: true, userVerification: "required" } : {};
  const asked = { ...options.creation_options.publicKey, authenticatorSelection: { ...selection, ...own } };
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked);
  return /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey })).toJSON();
}

/** @param {any} options */
async function prove(options) {
  const asked = options.request_options ?? options;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.publicKey);
  return /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey })).toJSON();
}

customElements.define("passkey-form", PasskeyForm);
