/**
 * Takes in one more piece of work of a tenant, and answers what to call when it has ended;
 * undefined when `max` of them are under way in this process.
 */
export type TenantBound = (tenantId: string) => (() => void) | undefined;

export function createTenantBound(max: number): TenantBound {
  const underWay = new Map<string, number>();

  return (tenantId) => {
    const others = underWay.get(tenantId) ?? 0;
    if (others >= max) return undefined;
    underWay.set(tenantId, others + 1);
    return () => {
      const left = (underWay.get(tenantId) ?? 0) - 1;
      if (left > 0) underWay.set(tenantId, left);
      else underWay.delete(tenantId);
    };
  };
}
