import { type ReactNode, useEffect, useRef } from "react";

interface ConfirmProps {
  title: string;
  /** What the button says that does it. */
  action: string;
  children: ReactNode;
  busy: boolean;
  confirm(): void;
  cancel(): void;
}

/** Asks before something that cannot be undone. The browser's own dialog keeps the focus inside. */
export function Confirm({ title, action, children, busy, confirm, cancel }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={cancel}>
      <h2 id="confirm-title">{title}</h2>
      {children}
      <div className="actions end">
        <button type="button" className="button" onClick={cancel}>
          Keep it
        </button>
        <button type="button" className="button danger" onClick={confirm} disabled={busy}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
