"use strict";
// Draws the packed figures and tables of the page. Text is only ever set as text, never as HTML.
(() => {
  const started = performance.now();
  const root = document.documentElement;
  const CODES = 254, EMPTY = 255;  // of matrices
  const drawn = new Map();  // place -> views

  // --- packed data: JSON, gzip, base64

  async function unpack(name) {
    const packed = document.getElementById(name).textContent;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(plain).text());
  }

  function element(kind, text, classes) {
    const made = document.createElement(kind);
    if (text !== undefined) made.textContent = text;
    if (classes) made.className = classes;
    return made;
  }

  // --- figures

  async function draw(place) {
    const item = await unpack(place.dataset.item);
    place.id = `drawing-${place.dataset.item}`;
    const found = await Bokeh.embed.embed_item(item, place.id);
    drawn.set(place, [...found]);
    for (const plot of matrices(place)) readOut(plot, place);
    fitLabels(place);
    if (place.dataset.choices) offer(place, await unpack(place.dataset.choices));
  }

  function models(place) {
    return (drawn.get(place) ?? []).flatMap((view) => [...view.model.references()]);
  }

  function matrices(place) {
    return models(place).filter((model) => model.type === "Figure" && model.tags.length);
  }

  // The cell of a matrix under the pointer, in words below the figure.
  function readOut(plot, place) {
    const said = place.parentElement.querySelector(".cell");
    const { what, low, high, rows, columns } = plain(plot.tags[0]).matrix;
    const [values] = plot.renderers.find((one) => one.name === "matrix").data_source.get_array("image");
    const tell = (event) => {
      const row = Math.round(event.y), column = Math.round(event.x);
      if (row < 0 || column < 0 || row >= rows.length || column >= columns.length) return;
      const code = values[row * columns.length + column];
      const value = code === EMPTY ? "-" : Number((low + code / CODES * (high - low)).toPrecision(3));
      said.textContent = `${rows[row]} (row), ${columns[column]} (column): ${what} ${value}`;
    };
    plot.on_event("mousemove", tell);
    plot.on_event("tap", tell);
    said.textContent = "Point at a cell, or tap it, to read it here. Zoom with the wheel after choosing it in the toolbar.";
  }

  // Bokeh reads objects as maps.
  function plain(value) {
    if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]));
    return value;
  }

  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

  // As many labels along the axes as there is room for.
  function fitLabels(place) {
    for (const plot of models(place).filter((model) => model.type === "Figure" && !model.tags.length)) {
      const ticker = plot.below[0]?.ticker;
      if (ticker?.desired_num_ticks === undefined || !plot.inner_width) continue;
      ticker.desired_num_ticks = Math.max(2, Math.min(7, Math.floor(plot.inner_width / 65)));
    }
    for (const plot of matrices(place)) {
      for (const [axis, range, length] of [
        [plot.above[0], plot.x_range, plot.inner_width], [plot.left[0], plot.y_range, plot.inner_height],
      ]) {
        if (!length) continue;
        // Bokeh takes the step that comes nearest to a number of labels, even if they overlap.
        const cells = Math.abs(range.end - range.start);
        const step = STEPS.find((one) => one * length / cells >= 11) ?? STEPS.at(-1);
        axis.ticker.desired_num_ticks = Math.max(2, Math.floor(cells / step));
      }
    }
  }

  function shown(text, whole) {
    if (text === "") return "";
    const digits = whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 };
    return Number(text).toLocaleString("en", digits);
  }

  // --- tables

  const STEP = 100;

  class Table {
    constructor(place, facts) {
      this.place = place;
      this.facts = facts;
      this.columns = facts.columns;
      this.order = [...facts.rows.keys()];
      this.sorted = null;
      this.limit = facts.visible;
      this.wide = false;
      this.build();
    }

    build() {
      const tools = element("div", undefined, "tools");
      this.filter = element("input");
      this.filter.type = "search";
      this.filter.placeholder = "Filter: a word, or column > number";
      this.filter.setAttribute("aria-label", `Filter ${this.facts.title}`);
      this.filter.addEventListener("input", () => this.update());
      tools.append(this.filter);
      if (this.columns.some((column) => !column.shown)) {
        const all = element("button", "All columns");
        all.type = "button";
        all.addEventListener("click", () => {
          this.wide = !this.wide;
          all.textContent = this.wide ? "Fewer columns" : "All columns";
          this.update();
        });
        tools.append(all);
      }
      const save = element("button", `Save ${this.facts.file}`);
      save.type = "button";
      save.addEventListener("click", () => this.save());
      this.count = element("span", "", "count");
      tools.append(save, this.count);
      const scroll = element("div", undefined, "scroll");
      this.table = element("table");
      scroll.append(this.table);
      this.more = element("button", "", "more");
      this.more.type = "button";
      this.more.addEventListener("click", () => { this.limit += STEP; this.update(); });
      const meanings = element("details");
      meanings.append(element("summary", "What the columns mean"));
      const list = element("dl");
      for (const column of this.columns) {
        list.append(element("dt", column.name), element("dd", column.meaning));
      }
      meanings.append(list);
      this.place.append(tools, scroll, this.more, meanings);
      this.update();
    }

    // A word is looked for in every cell; "column > 0.3" compares numbers.
    matches(row, text) {
      const condition = text.match(/^\s*(\S+)\s*(<=|>=|<|>|=)\s*(\S+)\s*$/);
      const at = condition ? this.columns.findIndex((column) => column.name === condition[1]) : -1;
      if (at < 0) {
        const wanted = text.trim().toLowerCase();
        return row.some((cell) => String(cell ?? "").toLowerCase().includes(wanted));
      }
      const [one, other] = [row[at], condition[3]];
      if (one === "" || one === null) return false;
      if (!this.columns[at].number) return condition[2] === "=" && String(one) === other;
      const [a, b] = [Number(one), Number(other)];
      return { "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "=": a === b }[condition[2]];
    }

    sort(at) {
      const again = this.sorted && this.sorted.at === at;
      const up = again ? !this.sorted.up : !this.columns[at].number;
      this.sorted = { at, up };
      const { rows } = this.facts, sign = up ? 1 : -1, number = this.columns[at].number;
      const missing = (cell) => cell === "" || cell === null;
      this.order.sort((i, j) => {
        const a = rows[i][at], b = rows[j][at];
        if (missing(a) || missing(b)) return missing(a) - missing(b) || i - j;
        return sign * (number ? Number(a) - Number(b) : String(a).localeCompare(String(b), "en", { numeric: true })) || i - j;
      });
      this.update();
    }

    update() {
      const { rows } = this.facts, text = this.filter.value;
      const kept = text.trim() ? this.order.filter((row) => this.matches(rows[row], text)) : this.order;
      const visible = kept.slice(0, this.limit);
      const columns = [...this.columns.keys()].filter((at) => this.wide || this.columns[at].shown);
      const head = element("tr");
      for (const at of columns) {
        const column = this.columns[at], cell = element("th", undefined, column.number ? "number" : "");
        cell.title = column.meaning;
        if (this.sorted?.at === at) cell.setAttribute("aria-sort", this.sorted.up ? "ascending" : "descending");
        const button = element("button");
        // Long names may break after an underscore.
        for (const part of column.name.split(/(?<=_)/)) button.append(part, element("wbr"));
        button.type = "button";
        button.addEventListener("click", () => this.sort(at));
        cell.append(button);
        head.append(cell);
      }
      if (this.facts.places) head.append(element("th", "browser"));
      const body = element("tbody");
      for (const row of visible) body.append(this.row(row, columns));
      const top = element("thead");
      top.append(head);
      this.table.replaceChildren(top, body);
      this.count.textContent = `${visible.length.toLocaleString("en")} of ${kept.length.toLocaleString("en")} row${kept.length === 1 ? "" : "s"}`;
      this.more.hidden = visible.length === kept.length;
      this.more.textContent = `Show ${Math.min(STEP, kept.length - visible.length)} more`;
    }

    row(row, columns) {
      const cells = this.facts.rows[row], made = element("tr");
      for (const at of columns) {
        const column = this.columns[at], raw = cells[at];
        const cell = element("td", column.number ? shown(raw, column.whole) : raw, column.number ? "number" : "text");
        cell.title = raw;
        made.append(cell);
      }
      if (this.facts.places) this.link(made, cells);
      return made;
    }

    link(made, cells) {
      const value = (name) => cells[this.columns.findIndex((column) => column.name === name)];
      const contig = value("contig"), start = Number(value("start")) + 1, end = Number(value("end"));
      const cell = element("td");
      if (this.facts.browser) {
        const link = element("a", "UCSC");
        link.href = this.facts.browser.replace("{contig}", encodeURIComponent(contig))
          .replace("{start}", start).replace("{end}", end);
        link.rel = "noreferrer";
        link.target = "_blank";
        link.addEventListener("click", (event) => event.stopPropagation());
        cell.append(link);
      }
      made.append(cell);
      made.className = "place";
      made.addEventListener("click", () => {
        const went = show(`${contig}:${start}-${end}`);
        for (const other of this.table.querySelectorAll(".chosen")) other.classList.remove("chosen");
        if (went) made.classList.add("chosen");
      });
    }

    save() {
      const quoted = (cell) => /["\t\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
      const lines = [this.columns.map((column) => quoted(column.name)), ...this.facts.rows.map((row) => row.map(quoted))];
      const text = lines.map((line) => `${line.join("\t")}\n`).join("");
      const link = element("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" }));
      link.download = this.facts.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }
  }

  // --- one of many: fill the named sources and ranges of a figure anew

  let show = () => false;

  function offer(place, choices) {
    const figure = place.parentElement, select = figure.querySelector("select");
    for (const [number, choice] of choices.entries()) {
      const option = element("option", choice.name);
      option.value = number;
      select.append(option);
    }
    const choose = (number) => {
      select.value = number;
      fill(place, choices[number]);
      figure.querySelector(".note").textContent = choices[number].note;
    };
    select.addEventListener("change", () => choose(Number(select.value)));
    const form = figure.querySelector("form");
    if (form) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        show(form.querySelector("input").value);
      });
      show = (text) => find(figure, choices, text, choose);
    }
    if (choices.length) choose(0);
  }

  function fill(place, choice) {
    for (const model of models(place)) {
      const data = choice.data[model.name], range = choice.ranges[model.name];
      if (model.name === null) continue;
      if (data && model.data !== undefined) model.data = data;
      if (range && model.factors !== undefined) model.factors = range;
      else if (range) {
        [model.reset_start, model.reset_end] = range;
        model.setv({ start: range[0], end: range[1] });
      }
    }
    // Every named row gets its line.
    for (const plot of models(place).filter((model) => model.type === "Figure" && model.y_range.factors)) {
      plot.height = Math.min(900, Math.max(230, 120 + 17 * plot.y_range.factors.length));
    }
  }

  // A region or a position as browsers write it, from 1, or the number of a module.
  function find(figure, choices, text, choose) {
    const answer = figure.querySelector(".answer"), wanted = text.trim();
    const region = wanted.match(/^(\S.*):([0-9][0-9,]*)(?:-([0-9][0-9,]*))?$/);
    const number = (digits) => Number(digits.replaceAll(",", ""));
    const at = choices.findIndex(({ place: [contig, start, end, crm] }) => {
      if (!region) return wanted.replaceAll(",", "") === String(crm);
      const first = number(region[2]), last = region[3] ? number(region[3]) : first;
      return contig === region[1] && first <= end && last > start;
    });
    if (at < 0) {
      const command = answer.dataset.command.replace("PLACE", wanted);
      answer.textContent = `Not among the ${choices.length} modules of this page. Any module: ${command}`;
      figure.scrollIntoView();
      return false;
    }
    answer.textContent = "";
    choose(at);
    figure.scrollIntoView();
    return true;
  }

  // --- begin

  function repaint() {
    for (const [place, views] of drawn) {
      fitLabels(place);
      for (const view of views) view.invalidate_layout?.();
    }
  }

  async function begin() {
    for (const place of document.querySelectorAll(".table")) new Table(place, await unpack(place.dataset.table));
    const waiting = [...document.querySelectorAll(".drawing")];
    for (const place of waiting) {
      await draw(place);
      await new Promise((done) => setTimeout(done));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    addEventListener("resize", () => [...drawn.keys()].forEach(fitLabels));
    addEventListener("beforeprint", repaint);
    for (const link of document.querySelectorAll("a.behind")) {
      link.addEventListener("click", () => { document.querySelector(link.hash).open = true; });
    }
    root.dataset.drawn = String(waiting.length);
    root.dataset.milliseconds = String(Math.round(performance.now() - started));
  }

  begin();
})();
