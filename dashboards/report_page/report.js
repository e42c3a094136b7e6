"use strict";
(function () {
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var dark = JSON.parse(document.getElementById("dark").textContent);
  var night = window.matchMedia("screen and (prefers-color-scheme: dark)");
  var narrow = window.matchMedia("(max-width: 820px)");

  // Figures are stored once, drawn by light; by dark every color is exchanged for its counterpart.
  function repaint(value) {
    if (typeof value === "string") {
      return dark[value] || value.replace(/#[0-9A-F]{6}/g, function (color) {
        return dark[color] || color;
      });
    }
    if (Array.isArray(value)) return value.map(repaint);
    if (value && typeof value === "object") {
      var copy = {};
      Object.keys(value).forEach(function (key) { copy[key] = repaint(value[key]); });
      return copy;
    }
    return value;
  }

  function draw(place) {
    var stored = figures[place.dataset.figure];
    var spec = (narrow.matches && stored.narrow) || stored.wide;
    spec = night.matches ? repaint(spec) : JSON.parse(JSON.stringify(spec));
    place.style.minHeight = spec.layout.height + "px";
    Plotly.react(place, spec.data, spec.layout, { displayModeBar: false, responsive: true });
    place.dataset.drawn = "yes";
  }

  function isShown(place) { return place.offsetWidth > 0; }

  var places = Array.prototype.slice.call(document.querySelectorAll("[data-figure]"));

  function drawAll() { places.filter(isShown).forEach(draw); }

  // What lies in a closed fold has no width yet; it is drawn when the fold opens.
  document.querySelectorAll("details").forEach(function (fold) {
    fold.addEventListener("toggle", function () {
      if (!fold.open) return;
      places.forEach(function (place) {
        if (fold.contains(place) && isShown(place) && place.dataset.drawn !== "yes") draw(place);
      });
    });
  });
  window.addEventListener("beforeprint", function () {
    places.filter(isShown).forEach(function (place) { Plotly.Plots.resize(place); });
  });
  night.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
  drawAll();
})();
