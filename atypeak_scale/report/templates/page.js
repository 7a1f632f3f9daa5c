"use strict";
// Draws the packed figures and tables of the page. Text is only ever set as text, never as HTML.
(() => {
  const started = performance.now();
  const root = document.documentElement;
  const views = [];

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
    for (const view of Object.values(found.roots ?? found)) {
      views.push(view);
      prepare(view.model, place);
    }
    if (place.dataset.choices) offer(place, await unpack(place.dataset.choices));
  }

  function plots(model) {
    return model.document ? [...model.document.roots()].flatMap((one) => [...one.references()])
      .filter((one) => one.tags !== undefined && one.x_range !== undefined && one.renderers !== undefined) : [];
  }

  function prepare(model, place) {
    for (const plot of plots(model)) {
      const facts = plot.tags.map((tag) => tag instanceof Map ? Object.fromEntries(tag) : tag)
        .find((tag) => tag && tag.matrix !== undefined);
      if (facts) readOut(plot, facts, place);
    }
    fitLabels(place);
  }

  // The cell of a matrix under the pointer, in words below the figure.
  function readOut(plot, facts, place) {
    const said = place.parentElement.querySelector(".cell");
    const image = plot.renderers.find((one) => one.name === "matrix");
    const tell = (event) => {
      const values = image.data_source.get_array("image")[0];
      const rows = plot.fresh?.rows ?? facts.rows, columns = plot.fresh?.columns ?? facts.columns;
      const row = Math.round(event.y), column = Math.round(event.x);
      if (row < 0 || column < 0 || row >= rows.length || column >= columns.length) return;
      const value = values[row * columns.length + column];
      said.textContent = `${rows[row]} (row), ${columns[column]} (column): ${facts.matrix} ${shown(value)}`;
    };
    plot.on_event("mousemove", tell);
    plot.on_event("tap", tell);
    said.textContent = "Point at a cell, or tap it, to read its value.";
  }

  // As many labels along the axes of a matrix as there is room for.
  function fitLabels(place) {
    for (const view of views) {
      if (view.el.parentElement !== place) continue;
      for (const plot of plots(view.model)) {
        if (!plot.renderers.some((one) => one.name === "matrix")) continue;
        const { inner_width, inner_height } = plot;
        for (const [axis, length] of [[plot.above[0], inner_width], [plot.left[0], inner_height]]) {
          const wanted = Math.max(2, Math.floor(length / 9));
          if (length && axis?.ticker?.desired_num_ticks !== undefined) axis.ticker.desired_num_ticks = wanted;
        }
      }
    }
  }

  function shown(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "-";
    return Number(value).toLocaleString("en", { maximumSignificantDigits: 4 });
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

    // A word is looked for in every cell; "column > 0.3" compares numbers. All parts between spaces must hold.
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
        const button = element("button", column.name);
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
      this.count.textContent = `${visible.length.toLocaleString("en")} of ${kept.length.toLocaleString("en")} rows`;
      this.more.hidden = visible.length === kept.length;
      this.more.textContent = `Show ${Math.min(STEP, kept.length - visible.length)} more`;
    }

    row(row, columns) {
      const cells = this.facts.rows[row], made = element("tr");
      for (const at of columns) {
        const column = this.columns[at], raw = cells[at];
        const cell = element("td", column.number ? (raw === "" ? "" : shown(raw)) : raw, column.number ? "number" : "text");
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

  // --- one of many: fill the named sources of a figure anew

  let show = () => false;

  function offer(place, choices) {
    const select = place.parentElement.querySelector("select");
    for (const name of Object.keys(choices)) {
      const option = element("option", name);
      option.value = name;
      select.append(option);
    }
    select.addEventListener("change", () => choose(place, choices[select.value]));
  }

  function choose(place, data) {
    for (const view of views) {
      if (view.el.parentElement !== place) continue;
      for (const model of view.model.document.roots().flatMap((one) => [...one.references()])) {
        if (model.name && data[model.name] && model.data !== undefined) model.data = data[model.name];
      }
    }
  }

  // --- begin

  function repaint() {
    for (const view of views) view.resize_layout?.();
    for (const place of document.querySelectorAll(".drawing")) fitLabels(place);
    for (const view of views) for (const plot of view.child_views ?? [view]) (plot.request_paint ?? plot.request_render)?.call(plot);
  }

  async function begin() {
    for (const place of document.querySelectorAll(".table")) new Table(place, await unpack(place.dataset.table));
    const waiting = [...document.querySelectorAll(".drawing")];
    for (const place of waiting) {
      await draw(place);
      await new Promise((done) => setTimeout(done));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    addEventListener("resize", () => document.querySelectorAll(".drawing").forEach(fitLabels));
    addEventListener("beforeprint", repaint);
    root.dataset.drawn = String(waiting.length);
    root.dataset.milliseconds = String(Math.round(performance.now() - started));
  }

  begin();
})();
