// Shows the sign-in again once the server has ended the visit, so that nothing stays on a screen that nobody watches.
(() => {
  const IDLE_MS = 15 * 60_000 + 5_000; // a little after the server
  let timer = 0;
  const begin = () => {
    clearTimeout(timer);
    timer = setTimeout(() => location.reload(), IDLE_MS);
  };
  document.addEventListener("coffre-answered", begin);
  begin();
})();
