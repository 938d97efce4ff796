// A single-page shop: links change the address and the page's words, nothing is loaded. It knows
// nothing of Attune but the attributes that say what a page is about.
const words = { "/": "Shop", "/spades": "Spades", "/knives": "Knives" };

function draw({ path, category }) {
  document.querySelector("#title").textContent = words[path] ?? "Shop";
  if (category) document.body.dataset.attuneCategory = category;
  else delete document.body.dataset.attuneCategory;
}

document.addEventListener("click", (event) => {
  const route = event.target.closest("a[data-route]");
  if (!route || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const place = { path: route.getAttribute("href"), category: route.dataset.category };
  draw(place); // before the address: a page view says what the page is about
  history.pushState(place, "", place.path);
  document.querySelector("#title").focus();
});

addEventListener("popstate", ({ state }) => draw(state ?? { path: "/" }));
