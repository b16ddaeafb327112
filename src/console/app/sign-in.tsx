import { type FormEvent, useEffect } from "react";
import type { Failure } from "../api/failure.ts";
import type { Session } from "../api/session.ts";
import { useAction } from "../api/use-action.ts";
import { Field } from "../ui/field.tsx";
import { FailureNote } from "../ui/notes.tsx";
import { useFocusOnWrong } from "../ui/use-focus-on-wrong.ts";

interface SignInProps {
  /** Why the last session ended; empty: the user left, or comes for the first time. */
  message: string;
  signIn(session: Session): Promise<void>;
}

/** Asks for a key and its tenant. */
export function SignIn({ message, signIn }: SignInProps) {
  const entering = useAction(signIn);
  const form = useFocusOnWrong(entering.failure);
  const error = entering.failure && fieldError(entering.failure);
  const errorAt = (field: FieldError["field"]) => (error?.field === field ? error.text : undefined);
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
        {entering.failure && !error && <FailureNote failure={entering.failure} />}
        {error && (
          <p className="sr-only" role="alert">
            {error.text}
          </p>
        )}
        <Field label="Tenant" hint="Its UUID." error={errorAt("tenant")}>
          {(control) => (
            <input {...control} name="tenant" required autoComplete="username" spellCheck={false} />
          )}
        </Field>
        <Field
          label="API key"
          hint={
            <>
              Begins with <code>jsn_</code>. It stays in this tab and is forgotten when you close it.
            </>
          }
          error={errorAt("key")}
        >
          {(control) => (
            <input {...control} name="key" type="password" required autoComplete="current-password" />
          )}
        </Field>
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

interface FieldError {
  field: "tenant" | "key";
  text: string;
}

/** The service speaks of headers; here they are fields. Undefined: it is about neither. */
function fieldError({ code, fields }: Failure): FieldError | undefined {
  const isAbout = (header: string) => fields.some(({ field }) => field === header);
  if (code === "unauthenticated" || isAbout("X-API-Key")) return { field: "key", text: "Is no valid key." };
  if (code === "tenant_mismatch") {
    const text = isAbout("X-Tenant-ID") ? "There is no such tenant." : "Is not the tenant of this key.";
    return { field: "tenant", text };
  }
  return isAbout("X-Tenant-ID") ? { field: "tenant", text: "Must be the tenant’s UUID." } : undefined;
}
