import { type ReactNode, useEffect } from "react";

interface PageTitleProps {
  title: string;
  /** Beside the title, in the browser's tab too. */
  children?: ReactNode;
}

/** The heading of a page and the title of its tab; `children` are what one can do there. */
export function PageTitle({ title, children }: PageTitleProps) {
  useEffect(() => {
    document.title = `${title} · JITSudo notifications`;
  }, [title]);
  return (
    <div className="page-title">
      <h1>{title}</h1>
      {children && <div className="actions">{children}</div>}
    </div>
  );
}
