(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("scripted");

  // On a narrow screen the contents lie over the page, so they begin closed and close after use.
  const contents = document.getElementById("contents");
  const wide = matchMedia("(min-width: 72rem)");
  const fit = () => { contents.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
  contents.addEventListener("click", (event) => { if (event.target.closest("a")) fit(); });
  contents.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !wide.matches) { contents.open = false; contents.querySelector("summary").focus(); }
  });

  // What a pointer is over, in words; the same numbers stand in tables.
  const tip = document.getElementById("tip");
  const show = (event) => {
    const mark = event.target.closest ? event.target.closest("[data-tip]") : null;
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.dataset.tip;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 12, root.clientWidth - box.width - 8);
    const above = event.clientY - box.height - 12;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = (above > 8 ? above : event.clientY + 18) + "px";
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("pointerdown", show);
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  // Films can be stopped, and rest from the start where the reader asked for less motion.
  const button = document.getElementById("motion");
  if (button) {
    const set = (rest) => {
      root.classList.toggle("at-rest", rest);
      button.textContent = rest ? "Play animations" : "Pause animations";
      button.setAttribute("aria-pressed", String(rest));
    };
    button.addEventListener("click", () => set(!root.classList.contains("at-rest")));
    if (!document.querySelector(".film")) button.hidden = true;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) set(true);
  }

  // Say in the contents which part is being read.
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) {
      links.forEach((a) => a.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      if (link) link.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  links.forEach((_, id) => { const part = document.getElementById(id); if (part) watch.observe(part); });

  root.dataset.ready = "";
})();
