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

const defaultProductName = "JITSudo";

/** The name that notices are signed with. */
export function productName(settings: TenantSettings | undefined): string {
  return settings?.productName || defaultProductName;
}
