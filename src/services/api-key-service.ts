import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { ApiKeySchema, type ApiKeyService } from "../../gen/jitsudo/notifications/v1/api_key_pb.js";
import type { Store } from "../store/store.ts";
import { callerOf, storeOf } from "./caller.ts";
import { apiError } from "./errors.ts";

export function createApiKeyService(store: Store): ServiceImpl<typeof ApiKeyService> {
  return {
    async getOwnApiKey(_request, context) {
      const { keyId, tenantId, isOperator, scopes } = callerOf(context);
      const key = await storeOf(store, context).ownKey(keyId);
      if (!key) throw apiError("unauthenticated", "the header X-API-Key holds no valid key");
      return create(ApiKeySchema, {
        id: keyId,
        name: key.name,
        tenantId,
        tenantName: key.tenantName,
        scopes: [...scopes],
        operator: isOperator,
        ...(key.expiresAt && { expiresAt: timestampFromDate(key.expiresAt) }),
      });
    },
  };
}
