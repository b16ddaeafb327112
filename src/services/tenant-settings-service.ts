import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type TenantSettings,
  TenantSettingsSchema,
  type TenantSettingsService,
} from "../../gen/jitsudo/notifications/v1/tenant_settings_pb.js";
import type { TenantSettingsRow } from "../store/entities.ts";
import type { Store } from "../store/store.ts";
import type { SettingsChange } from "../store/tenant-settings-store.ts";
import { actorOf, storeOf } from "./caller.ts";
import { timeZoneProblem } from "./config-checks.ts";
import { invalidField } from "./errors.ts";

export function createTenantSettingsService(store: Store): ServiceImpl<typeof TenantSettingsService> {
  const settingsOf = (context: HandlerContext) => storeOf(store, context).settings;

  return {
    async getTenantSettings(_request, context) {
      return toMessage(await settingsOf(context).get());
    },

    async updateTenantSettings({ timeZone, productName, logoUrl, linkBaseUrl }, context) {
      const problem = timeZone && timeZoneProblem(timeZone);
      if (problem) throw invalidField("time_zone", problem);
      const change: SettingsChange = {
        ...(timeZone !== undefined && { timeZone: timeZone || null }),
        ...(productName !== undefined && { productName: productName.trim() || null }),
        ...(logoUrl !== undefined && { logoUrl: logoUrl || null }),
        ...(linkBaseUrl !== undefined && { linkBaseUrl: linkBaseUrl || null }),
      };
      return toMessage(await settingsOf(context).update(change, actorOf(context)));
    },
  };
}

function toMessage(row: TenantSettingsRow | undefined): TenantSettings {
  if (!row) return create(TenantSettingsSchema);
  return create(TenantSettingsSchema, {
    timeZone: row.timeZone ?? "",
    productName: row.productName ?? "",
    logoUrl: row.logoUrl ?? "",
    linkBaseUrl: row.linkBaseUrl ?? "",
    updatedAt: timestampFromDate(row.updatedAt),
  });
}
