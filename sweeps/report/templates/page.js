"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const tip = document.getElementById("tip");

  /* Marks: their text when pointed at; with the keyboard, arrows walk through a figure. */
  const show = (mark) => {
    const text = mark.dataset.text;
    if (!text) return;
    tip.textContent = text;
    tip.hidden = false;
    const box = mark.getBoundingClientRect();
    const wide = tip.offsetWidth;
    const left = Math.min(Math.max(8, box.left + box.width / 2 - wide / 2), innerWidth - wide - 8);
    const above = box.top - tip.offsetHeight - 10;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 4 ? above : box.bottom + 10}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const svg of all("svg.chart")) {
    const marks = all(".mark", svg);
    for (const mark of marks) {
      const title = mark.querySelector("title");
      mark.dataset.text = title.textContent;
      title.remove();
    }
    if (!marks.length) continue;
    svg.tabIndex = 0;
    let at = -1;
    const go = (step) => {
      const seen = marks.filter((mark) => !mark.closest("[data-hidden]"));
      if (!seen.length) return;
      seen[at] && seen[at].classList.remove("on");
      at = (at + step + seen.length) % seen.length;
      seen[at].classList.add("on");
      show(seen[at]);
    };
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); go(step); }
      if (event.key === "Escape") hide();
    });
    svg.addEventListener("blur", () => { hide(); all(".on", svg).forEach((m) => m.classList.remove("on")); at = -1; });
    svg.addEventListener("pointerover", (event) => {
      const mark = event.target.closest(".mark");
      if (mark) show(mark); else hide();
    });
    svg.addEventListener("pointerleave", hide);
  }
  addEventListener("scroll", hide, { passive: true });

  /* Legends: a press hides or shows a series; a double press leaves it alone. */
  for (const legend of all(".legend")) {
    const figure = legend.closest("figure");
    const buttons = all("button", legend);
    const apply = () => {
      for (const button of buttons) {
        const hidden = button.getAttribute("aria-pressed") === "false";
        for (const group of all(`[data-series="${button.dataset.toggle}"]`, figure))
          group.toggleAttribute("data-hidden", hidden);
      }
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
        apply();
      });
      button.addEventListener("dblclick", () => {
        const alone = buttons.every((b) => b === button || b.getAttribute("aria-pressed") === "false");
        for (const b of buttons) b.setAttribute("aria-pressed", String(alone || b === button));
        apply();
      });
    }
  }

  /* Tables: a heading sorts by its column, again in the other direction. */
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.number === undefined ? cell.textContent.trim() : Number(cell.dataset.number);
  };
  const missing = (v) => v === "–";
  for (const button of all("button.sort")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const body = head.closest("table").tBodies[0];
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const rows = Array.from(body.rows).sort((a, b) => {
        const [x, y] = [value(a, head.cellIndex), value(b, head.cellIndex)];
        if (missing(x) || missing(y)) return missing(x) - missing(y);
        return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
      });
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      body.append(...rows);
    });
  }

  /* A sentence's id opens the numbers that it was made from. */
  const dialog = document.getElementById("numbers");
  let claims;
  for (const button of all("[data-open]")) {
    button.addEventListener("click", () => {
      claims = claims || new Map(JSON.parse(document.getElementById("claims").textContent).map((c) => [c.id, c]));
      const claim = claims.get(button.dataset.open);
      dialog.querySelector("p").textContent = claim.sentence;
      dialog.querySelector("pre").textContent = JSON.stringify({ ...claim, sentence: undefined }, null, 1);
      dialog.showModal();
    });
  }
  addEventListener("beforeprint", () => all("details").forEach((d) => { d.open = true; }));
})();
