import type { TimeText } from "./time-text.ts";

/** How a tenant wants its notices to look. What is absent has its default. */
export interface TenantSettings {
  /** Tells moments in the tenant's time zone. Default: in UTC. */
  timeText?: TimeText;
  /** What the product is called towards the tenant's people. Default "JITSudo". */
  productName?: string;
  /** https URL of a picture for e-mail. Default: none. */
  logoUrl?: string;
  /** Where JITSudo's pages are, for events that come without a `url`. Default: no link. */
  linkBaseUrl?: string;
}

/** The settings as they are stored; null: not set. */
export type StoredSettings = {
  [name in "timeZone" | "productName" | "logoUrl" | "linkBaseUrl"]?: string | null | undefined;
};

/** A channel's own time zone comes before the tenant's. `timeTextOf` tells moments in a zone. */
export function tenantSettings(
  stored: StoredSettings,
  channelConfig: object,
  timeTextOf: (zone: string) => TimeText,
): TenantSettings {
  const { productName, logoUrl, linkBaseUrl } = stored;
  const ownZone = "time_zone" in channelConfig ? String(channelConfig.time_zone) : undefined;
  const timeZone = ownZone ?? stored.timeZone;
  return {
    ...(timeZone && { timeText: timeTextOf(timeZone) }),
    ...(productName && { productName }),
    ...(logoUrl && { logoUrl }),
    ...(linkBaseUrl && { linkBaseUrl }),
  };
}
