/** The one form of all errors on the REST paths. */
export const errorSchemas = {
  Error: {
    type: "object",
    required: ["code", "message", "details"],
    properties: {
      code: {
        type: "string",
        description:
          'Machine-readable: "invalid_argument", "unauthenticated", "tenant_mismatch", "permission_denied", "not_found", "already_exists", "resource_exhausted", "payload_too_large", "unsupported_media_type", "method_not_allowed", "unavailable", "deadline_exceeded", "internal" and the like.',
      },
      message: { type: "string", description: "For people." },
      details: {
        type: "object",
        properties: {
          fields: {
            type: "array",
            description: "One entry for each offending field.",
            items: {
              type: "object",
              required: ["field", "message"],
              properties: {
                field: {
                  type: "string",
                  description: 'Its path in snake_case, for example "to_addresses[2]".',
                },
                message: { type: "string", description: "What is allowed." },
              },
            },
          },
        },
      },
    },
  },
};

const retryAfter = { description: "After how many seconds to try again.", schema: { type: "integer" } };

export const errorResponses = {
  400: response("The request breaks a rule; details name every offending field."),
  401: response("The header X-API-Key is missing or holds no valid key.", {
    "WWW-Authenticate": { description: "Names the header.", schema: { type: "string" } },
  }),
  403: response(
    "The key belongs to another tenant (tenant_mismatch) or lacks the scope (permission_denied).",
  ),
  404: response("There is no such thing in this tenant."),
  409: response("There is something already that it contradicts."),
  413: response("The body is too long."),
  415: response("The body is not application/json."),
  429: response("Too many calls for now.", { "Retry-After": retryAfter }),
  503: response("The service cannot answer now; the call may be repeated."),
  default: response("Any other failure."),
};

function response(description: string, headers?: object): object {
  return {
    description,
    ...(headers && { headers }),
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
}
