// A page that is opened as a file may start neither modules nor workers: this script, which is neither, says so.
if (location.protocol === "file:") {
  addEventListener("DOMContentLoaded", () => {
    const notice = document.createElement("p");
    notice.className = "npconv-notice";
    notice.textContent =
      "This page was opened as a file. It can be read, but browsers run its code only when the page is served: " +
      "“npconv site --out DIR --serve” does so on this computer, and prints the address to open.";
    document.querySelector("article, main, body").prepend(notice);
  });
}
