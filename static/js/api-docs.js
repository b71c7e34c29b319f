// Starts Swagger UI on /api/docs. A file of its own, because the page's policy takes no inline script.
"use strict";

const page = document.getElementById("api-docs");
window.SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // Without this the document's address would be sent to a validator on the internet.
  validatorUrl: null,
});
