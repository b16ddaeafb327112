/** What every call carries. It lives as long as the browser's tab, and nowhere else. */
export interface Session {
  apiKey: string;
  tenantId: string;
}

const name = "jitsudo-notifications-session";

export function storedSession(): Session | undefined {
  const text = sessionStorage.getItem(name);
  return text === null ? undefined : (JSON.parse(text) as Session);
}

export function storeSession(session: Session | undefined): void {
  if (session) sessionStorage.setItem(name, JSON.stringify(session));
  else sessionStorage.removeItem(name);
}
