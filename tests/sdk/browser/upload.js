// What a page of somebody's shop does: ask its own back end to sign, then upload with ImageKit's browser SDK.
"use strict";

window.progress = [];

/** The SDK knows ImageKit's address only, but takes an XMLHttpRequest of ours: this one goes to another server. */
function requestTo(address) {
  const request = new XMLHttpRequest();
  const open = request.open.bind(request);
  request.open = (method, _, ...others) => open(method, address, ...others);
  return request;
}

async function send(file) {
  const signed = await (await fetch("/auth")).json();
  const { uploadTo, ...fields } = signed;
  return ImageKit.upload({
    file,
    fileName: file.name,
    folder: "/from the browser",
    tags: ["browser", "sdk"],
    responseFields: ["tags"],
    onProgress: (event) => {
      window.progress.push([event.loaded, event.total]);
      document.querySelector("#progress").value = event.loaded / event.total;
    },
    ...fields,
    ...(uploadTo ? { xhr: requestTo(uploadTo) } : {}),
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelector("#send").addEventListener("click", async () => {
    const answer = document.querySelector("#answer");
    try {
      const made = await send(document.querySelector("#picture").files[0]);
      answer.value = JSON.stringify({ made, status: made.$ResponseMetadata.statusCode });
    } catch (error) {
      const kind = Object.keys(ImageKit).find((name) => /Error$/.test(name) && error instanceof ImageKit[name]);
      answer.value = JSON.stringify({ kind, message: error.message, status: error.$ResponseMetadata?.statusCode });
    }
  });
});
