import { createHeldAmounts } from "../async/held-amounts.ts";

/**
 * Takes in one more piece of work of a tenant, and answers what to call when it has ended;
 * undefined when `max` of them are under way in this process.
 */
export type TenantBound = (tenantId: string) => (() => void) | undefined;

export function createTenantBound(max: number): TenantBound {
  const underWay = createHeldAmounts();

  return (tenantId) => {
    if (underWay.of(tenantId) >= max) return undefined;
    underWay.add(tenantId, 1);
    return () => underWay.add(tenantId, -1);
  };
}
