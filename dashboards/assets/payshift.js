"use strict";
// What the pages do by themselves: colors by dark, narrow figures, addresses worth sharing.
(function () {
  var clientside = window.dash_clientside = window.dash_clientside || {};
  var narrow = window.matchMedia("(max-width: 700px)");

  // Figures are drawn once, by light; by dark every color is exchanged for its counterpart.
  function repaint(value, dark) {
    if (typeof value === "string") {
      return dark[value] || value.replace(/#[0-9A-F]{6}/g, function (color) {
        return dark[color] || color;
      });
    }
    if (Array.isArray(value)) return value.map(function (entry) { return repaint(entry, dark); });
    if (value && typeof value === "object") {
      var copy = {};
      Object.keys(value).forEach(function (key) { copy[key] = repaint(value[key], dark); });
      return copy;
    }
    return value;
  }

  // On a telephone the names of the pages are wider than the screen: the page's own is shown.
  function showHere() {
    var here = document.querySelector(".site nav .is-here");
    var row = here && here.closest("ul");
    if (!row || row.scrollWidth <= row.clientWidth) return;
    var ends = here.getBoundingClientRect(), frame = row.getBoundingClientRect();
    row.scrollLeft += ends.left - frame.left - (frame.width - ends.width) / 2;
  }

  function named() {
    var heading = document.querySelector("main h1");
    if (heading) document.title = heading.textContent + " · Payshift";
    showHere();
  }

  function system() {
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  clientside.payshift = Object.assign(clientside.payshift || {}, {
    scheme: function (clicks, chosen) {
      var none = clientside.no_update;
      var shown = chosen === "light" || chosen === "dark" ? chosen : system();
      if (!clicks) return [none, shown, shown, narrow.matches];
      shown = shown === "dark" ? "light" : "dark";
      return [shown, shown, shown, narrow.matches];
    },

    paint: function (kept, scheme, isNarrow, dark) {
      if (!kept) return clientside.no_update;
      var spec = (isNarrow && kept.narrow) || kept.wide;
      return scheme === "dark" ? repaint(spec, dark) : JSON.parse(JSON.stringify(spec));
    },

    title: function () {
      // asked when the content has come, which the browser lays out a little later
      [50, 300, 1500].forEach(function (wait) { window.setTimeout(named, wait); });
      return clientside.no_update;
    },

    // The drawer opens with a draft and closes when the choice takes it in.
    editor: function () {
      var asked = clientside.callback_context.triggered;
      if (!asked.length || !asked[0].value) return clientside.no_update;
      return asked[0].prop_id.indexOf("draft.") === 0;
    },

    // An address that shows the same view to whoever opens it; the page itself stays as it is.
    share: function (fields) {
      if (!fields) return clientside.no_update;
      var query = new URLSearchParams();
      var lang = new URLSearchParams(window.location.search).get("lang");
      if (lang) query.set("lang", lang);
      Object.keys(fields).forEach(function (key) {
        if (fields[key] !== null && fields[key] !== "") query.set(key, fields[key]);
      });
      var text = query.toString();
      var address = window.location.pathname + (text ? "?" + text : "") + window.location.hash;
      window.history.replaceState(window.history.state, "", address);
      return clientside.no_update;
    }
  });

  narrow.addEventListener("change", function () {
    clientside.set_props("narrow", { data: narrow.matches });
  });

  // A figure is saved as it stands on the page.
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-save]");
    if (!button || !window.Plotly) return;
    var card = button.closest("figure");
    var plot = card && card.querySelector(".js-plotly-plot");
    if (!plot) return;
    window.Plotly.downloadImage(plot, {
      format: button.getAttribute("data-save"), filename: "payshift-figure", scale: 2,
      width: plot.offsetWidth, height: plot.offsetHeight
    });
  });

  // The other language shows the same view: it keeps all of the address but the language.
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("[data-language]");
    if (!link) return;
    event.preventDefault();
    var query = new URLSearchParams(window.location.search);
    query.set("lang", link.getAttribute("data-language"));
    window.location.assign(window.location.pathname + "?" + query.toString() + window.location.hash);
  });
})();
