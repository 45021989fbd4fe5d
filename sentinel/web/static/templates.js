// The preview follows what is written. Without this, a button shows it on a page of its own.
(() => {
  const WAIT = 300;
  const form = document.getElementById("template");
  const preview = document.getElementById("preview");
  let timer = 0;
  let asked = 0;

  // What is wrong stands below its field, too: who writes looks there.
  const tellErrors = () => {
    for (const field of ["subject", "body"]) {
      const said = preview.querySelector(`[data-error-of="${field}"]`);
      const place = document.getElementById(`live-error-${field}`);
      const words = said ? said.textContent.trim().replace(/^\S+\s+/, "") : "";
      if (place.textContent !== words) place.textContent = words;
      place.hidden = words === "";
      document.getElementById(field).setAttribute("aria-invalid", String(words !== ""));
    }
  };

  // The page of a mail is sent into its frame, which is new each time: the way back of the browser stays as it was.
  const showMail = () => {
    const frame = preview.querySelector("[data-mail-frame]");
    if (!frame) return;
    const sent = document.createElement("form");
    Object.assign(sent, { method: "post", action: form.dataset.mail, target: frame.name, hidden: true });
    for (const [name, value] of new FormData(form)) {
      sent.append(Object.assign(document.createElement("textarea"), { name, value }));
    }
    document.body.append(sent);
    sent.submit();
    sent.remove();
  };

  const show = async () => {
    const mine = ++asked;
    preview.classList.add("is-waiting");
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { "X-Part": "1" },
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      if (mine !== asked) return; // something newer is on its way
      const opened = [...preview.querySelectorAll("details[id]")].filter((each) => each.open).map((each) => each.id);
      preview.innerHTML = html;
      for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
      tellErrors();
      showMail();
    } catch {
      if (mine !== asked) return;
      preview.textContent = "The preview cannot be made: the server does not answer, or your login has ended.";
    } finally {
      if (mine === asked) preview.classList.remove("is-waiting");
    }
  };

  const showChannel = () => {
    document.getElementById("as-channel-part").hidden = form.elements.channel.value !== "";
  };

  form.addEventListener("input", (event) => {
    if (event.target.name === "name") return;
    showChannel();
    clearTimeout(timer);
    timer = setTimeout(show, WAIT);
  });

  showChannel();
  tellErrors();
  showMail();
})();
