"use strict";
// What the teaching pages draw by themselves while a finger moves: the game's bars, the heat map.
(function () {
  var clientside = window.dash_clientside = window.dash_clientside || {};

  function put(tag, name, text) {
    var node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function bar(label, value, most, name) {
    var row = put("div", "bar-row");
    row.appendChild(put("span", "bar-label", label));
    var track = put("span", "track");
    var fill = put("span", "fill " + name + (value < 0 ? " is-negative" : ""));
    fill.style.width = Math.min(100, 100 * Math.abs(value) / most) + "%";
    track.appendChild(fill);
    row.appendChild(track);
    row.appendChild(put("strong", "bar-value", value.toFixed(1).replace("-", "\u2212")));
    return row;
  }

  clientside.teach = Object.assign(clientside.teach || {}, {
    preview: function (services, offers) {
      var none = clientside.no_update;
      var place = document.getElementById("play-preview");
      if (!place || !offers || typeof services !== "number") return none;
      var box = put("div");
      var count = put("p", "count");
      count.appendChild(put("strong", "big", String(services)));
      count.appendChild(put("span", "", " " + offers.words.services));
      box.appendChild(count);
      box.appendChild(bar(offers.words.profit, offers.profit[services], offers.most, "is-profit"));
      box.appendChild(bar(offers.words.benefit, offers.benefit[services], offers.most, "is-benefit"));
      place.replaceChildren(box);
      return none;
    },

    guess: function (value, said) {
      if (!said || typeof value !== "number") return clientside.no_update;
      var key = String(Math.round(value * 1e6) / 1e6);
      return said[key] !== undefined ? said[key] : key;
    },

    // The heat map of one month: rows of activities, columns of providers. A real table, so that
    // it is read out; colors follow the stake by style.
    heat: function (data, month, shown) {
      var none = clientside.no_update;
      var place = document.getElementById("incentives-heat");
      if (!place || !data) return none;
      var at = Math.min(Math.max(Math.round(month || 1), 1), 12) - 1;
      var table = put("table", "heat");
      var caption = put("caption", "", data.captions[shown] + " · " + data.months[at]);
      table.appendChild(caption);
      var head = put("tr");
      var corner = put("th", "", data.corner);
      corner.scope = "col";
      head.appendChild(corner);
      data.columns.forEach(function (name) {
        var cell = put("th", "", name);
        cell.scope = "col";
        head.appendChild(cell);
      });
      var thead = put("thead");
      thead.appendChild(head);
      table.appendChild(thead);
      var body = put("tbody");
      data.rows.forEach(function (row) {
        if (row.section) {
          var line = put("tr", "section");
          var title = put("th", "", row.section);
          title.colSpan = data.columns.length + 1;
          title.scope = "colgroup";
          line.appendChild(title);
          body.appendChild(line);
          return;
        }
        var tr = put("tr");
        var name = put("th", "", row.label);
        name.scope = "row";
        if (row.note) name.appendChild(put("span", "below", row.note));
        tr.appendChild(name);
        row.cells.forEach(function (cell) {
          var td = put("td");
          var kept = cell && cell[shown];
          if (!kept) {
            td.textContent = "–";
            td.className = "is-none";
          } else {
            var i = kept.text.length === 1 ? 0 : at;
            var stake = kept.stake[kept.stake.length === 1 ? 0 : at];
            td.textContent = kept.text[i];
            td.title = kept.title[kept.title.length === 1 ? 0 : at];
            td.className = stake > 0 ? "is-gain" : stake < 0 ? "is-loss" : "";
            td.style.setProperty("--stake", Math.round(Math.min(1, Math.abs(stake)) * 100) + "%");
          }
          tr.appendChild(td);
        });
        body.appendChild(tr);
      });
      table.appendChild(body);
      place.replaceChildren(table);
      return none;
    }
  });
})();
