"use strict";
/** The bytes that an element holds in base64, deflated. */
async function unpacked(id) {
  const text = atob(document.getElementById(id).textContent);
  const stream = new Blob([Uint8Array.from(text, (char) => char.charCodeAt(0))]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
(async () => {
  if (!("DecompressionStream" in window)) {
    document.getElementById("about").textContent = "This browser cannot unpack the page. Chrome and Edge 80, Firefox 113, Safari 16.4 and later ones can.";
    return;
  }
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await unpacked("script"));
  document.body.append(script);
})();
