import { type FormEvent, useEffect, useRef } from "react";
import type { Session } from "../api/session.ts";
import { useAction } from "../api/use-action.ts";
import { FailureNote } from "../ui/notes.tsx";

interface SignInProps {
  /** Why the last session ended; empty: the user left, or comes for the first time. */
  message: string;
  signIn(session: Session): Promise<void>;
}

/** Asks for a key and its tenant. */
export function SignIn({ message, signIn }: SignInProps) {
  const entering = useAction(signIn);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    document.title = "Sign in · JITSudo notifications";
  }, []);

  function submit(event: FormEvent) {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    void entering.run({ tenantId: text("tenant"), apiKey: text("key") });
  }

  return (
    <main className="sign-in">
      <h1>
        <img src="/console/icon.svg" alt="" width="32" height="32" /> JITSudo notifications
      </h1>
      <form ref={form} onSubmit={submit} className="card stack">
        {message !== "" && (
          <p className="note bad" role="alert">
            {message}
          </p>
        )}
        {entering.failure && <FailureNote failure={entering.failure} />}
        <div className="field">
          <label htmlFor="tenant">Tenant</label>
          <input
            id="tenant"
            name="tenant"
            required
            autoComplete="username"
            spellCheck={false}
            aria-describedby="tenant-hint"
          />
          <p className="hint" id="tenant-hint">
            Its UUID.
          </p>
        </div>
        <div className="field">
          <label htmlFor="key">API key</label>
          <input
            id="key"
            name="key"
            type="password"
            required
            autoComplete="current-password"
            aria-describedby="key-hint"
          />
          <p className="hint" id="key-hint">
            Begins with <code>jsn_</code>. It stays in this tab and is forgotten when you close it.
          </p>
        </div>
        <button type="submit" className="button primary" disabled={entering.busy}>
          {entering.busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
      <p className="hint">
        After a first <code>npm start</code> both stand in <code>credentials.json</code> of the data folder.
        More keys come from <code>jitsudo-notifications keys create</code>.
      </p>
    </main>
  );
}
