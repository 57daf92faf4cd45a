(() => {
  "use strict";
  const root = document.documentElement;
  const plots = [...document.querySelectorAll(".plot[data-figure]")];
  const specs = new Map();

  // "@s1" is the colour of series 1 in the present theme, "@s1/0.2" the same, see-through.
  const colour = (token) => {
    const [name, alpha] = token.slice(1).split("/");
    const hex = getComputedStyle(root).getPropertyValue("--" + name).trim();
    if (!alpha) return hex;
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return `rgba(${r},${g},${b},${alpha})`;
  };
  const themed = (value) => {
    if (typeof value === "string") return /^@[a-z][a-z0-9]*(\/[.0-9]+)?$/.test(value) ? colour(value) : value;
    if (Array.isArray(value)) return value.map(themed);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, themed(v)]));
    return value;
  };
  const config = { displayModeBar: false, responsive: true, showSendToCloud: false, scrollZoom: false };

  const draw = async () => {
    for (const box of plots) {
      if (!specs.has(box)) {
        const text = document.getElementById(box.dataset.figure + "-data").textContent;
        specs.set(box, JSON.parse(text));
      }
      const spec = themed(specs.get(box));
      await Plotly.react(box, spec.data, spec.layout, config);
    }
    root.dataset.drawn = String(plots.length);
  };

  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", draw);
  addEventListener("beforeprint", () => { root.dataset.print = ""; draw(); });
  addEventListener("afterprint", () => { delete root.dataset.print; draw(); });

  // Animations can be stopped, and start stopped where the reader asked for less motion.
  const films = [...document.querySelectorAll("img[data-still]")];
  const button = document.getElementById("motion");
  if (button && films.length) {
    films.forEach((film) => { film.dataset.film = film.src; });
    let moving = true;
    const set = (on) => {
      moving = on;
      films.forEach((film) => { film.src = on ? film.dataset.film : film.dataset.still; });
      button.textContent = on ? "Pause animations" : "Play animations";
      button.setAttribute("aria-pressed", String(!on));
    };
    button.hidden = false;
    button.addEventListener("click", () => set(!moving));
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) set(false);
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

  draw();
})();
