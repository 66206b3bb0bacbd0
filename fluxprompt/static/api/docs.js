// Starts Swagger UI on the page of the API. A signed-in browser needs no key, only the CSRF token.
const place = document.getElementById("api");

SwaggerUIBundle({
  url: place.dataset.schema,
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  // The validator badge would call a server of others.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  requestInterceptor: (request) => {
    if (request.method && request.method !== "GET") {
      request.headers["X-CSRFToken"] = place.dataset.csrf;
    }
    return request;
  },
});
