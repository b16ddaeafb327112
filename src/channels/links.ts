import type { EventPayload } from "../events.ts";
import type { TenantSettings } from "./tenant-settings.ts";

export interface Link {
  label: string;
  /** An absolute http or https URL in its normal form. */
  url: string;
}

/**
 * Where the reader can act: the event's own `url`, else the page of the grant or the
 * request below the tenant's base URL. A grant's notice also links to its request, and
 * that of break-glass to the grant, which is what there is to revoke.
 */
export function linksOf(event: EventPayload, action: string, settings: TenantSettings | undefined): Link[] {
  const base = settings?.linkBaseUrl;
  const ofRequest = pageUrl(base, "requests", event.request_id);
  const ofGrant = pageUrl(base, "grants", event.grant_id);
  const aboutGrant = event.type.startsWith("grant.");

  const first = webUrl(event.url) ?? (aboutGrant ? (ofGrant ?? ofRequest) : (ofRequest ?? ofGrant));
  const links = [
    { label: action, url: first },
    ...(aboutGrant ? [{ label: "View request", url: ofRequest }] : []),
    ...(event.type === "request.break_glass" ? [{ label: "View grant", url: ofGrant }] : []),
  ];
  return links.filter(
    (link, index): link is Link => link.url !== undefined && (index === 0 || link.url !== first),
  );
}

function pageUrl(base: string | undefined, kind: string, id: string | undefined): string | undefined {
  if (!base || !id) return undefined;
  return webUrl(`${base.replace(/\/+$/, "")}/${kind}/${encodeURIComponent(id.toWellFormed())}`);
}

/**
 * The URL when it is http or https, so that no notice carries "javascript:" and the like,
 * as RFC 3986 writes it: WHATWG's normal form keeps characters that URIs do not have.
 */
function webUrl(text = ""): string | undefined {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  const fragment = url.hash.slice(1).replaceAll("#", "%23");
  const rest = url.pathname + url.search + (fragment && `#${fragment}`);
  const authority = url.href.slice(0, url.href.indexOf("/", url.protocol.length + 2));
  return authority + rest.replace(/[^\w\-.~:/?#@!$&'()*+,;=%]|%(?![\da-f]{2})/gi, encodeURIComponent);
}
