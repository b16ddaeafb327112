import { useState } from "react";
import { FailureNote } from "../ui/notes.tsx";
import { ConsoleContext } from "./console-context.ts";
import { Pages } from "./pages.tsx";
import { Shell } from "./shell.tsx";
import { SignIn } from "./sign-in.tsx";
import { TimesProvider } from "./times.tsx";
import { useSession } from "./use-session.ts";

/** The whole console. */
export function App() {
  const session = useSession();
  const [newSecrets] = useState(() => new Map<string, string>());
  switch (session.state) {
    case "signed_out":
      return <SignIn message={session.message} signIn={session.signIn} />;
    case "checking":
      return (
        <p className="splash" role="status">
          Signing in…
        </p>
      );
    case "failed":
      return (
        <main className="splash">
          <FailureNote failure={session.failure} retry={session.retry} />
          <button type="button" className="button" onClick={session.signOut}>
            Sign out
          </button>
        </main>
      );
    case "signed_in": {
      const { clients, ownKey, signOut } = session;
      const may = (scope: string) => ownKey.scopes.includes(scope);
      return (
        <ConsoleContext value={{ clients, ownKey, may, newSecrets, signOut }}>
          <TimesProvider>
            <Shell>
              <Pages />
            </Shell>
          </TimesProvider>
        </ConsoleContext>
      );
    }
  }
}
