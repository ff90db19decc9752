// Takes what stands behind the # of the page's address along when a form leads on: a key there is seen by no server.
(() => {
  for (const form of document.querySelectorAll("form")) form.action += location.hash;
})();
