import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { useConsole } from "./console-context.ts";
import { ErrorBoundary } from "./error-boundary.tsx";
import { TimesChoice } from "./times.tsx";

const areas = [
  { path: "/", label: "Overview", scope: "deliveries:read" },
  { path: "/channels", label: "Channels", scope: "channels:read" },
  { path: "/deliveries", label: "Deliveries", scope: "deliveries:read" },
  { path: "/replays", label: "Replays", scope: "deliveries:read" },
];

/** What stands around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const { ownKey, may, signOut } = useConsole();
  const [location] = useLocation();
  const main = useMainOnNavigation(location);
  const isIn = (path: string) => (path === "/" ? location === "/" : location.startsWith(path));
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <Link href="/" className="brand">
          <img src="/console/icon.svg" alt="" width="24" height="24" />
          <span>Notifications</span>
        </Link>
        <nav aria-label="Areas">
          {areas
            .filter(({ scope }) => may(scope))
            .map(({ path, label }) => (
              <Link key={path} href={path} aria-current={isIn(path) ? "page" : undefined}>
                {label}
              </Link>
            ))}
        </nav>
        <div className="who">
          <TimesChoice />
          <span className="tenant" title={`Tenant ${ownKey.tenantId}, key “${ownKey.name}”`}>
            {ownKey.tenantName}
          </span>
          <button type="button" className="button quiet" onClick={signOut}>
            Sign out
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        <ErrorBoundary place={location}>{children}</ErrorBoundary>
      </main>
    </>
  );
}

/** A screen reader goes on at the new page, as after the load of one. */
function useMainOnNavigation(location: string) {
  const main = useRef<HTMLElement>(null);
  const first = useRef(location);
  useEffect(() => {
    if (first.current === location) return;
    first.current = "";
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [location]);
  return main;
}
