"use strict";
// Before anything is drawn: the color scheme chosen last, so that no page flashes white by dark.
(function () {
  var chosen = null;
  try { chosen = JSON.parse(window.localStorage.getItem("scheme")); } catch (ignored) { chosen = null; }
  if (chosen !== "light" && chosen !== "dark") {
    chosen = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.setAttribute("data-mantine-color-scheme", chosen);
})();
