import { Component, type ReactNode } from "react";

interface ErrorBoundaryProps {
  /** Another one means another page, which may work. */
  place: string;
  children: ReactNode;
}

/** Says that a page could not be drawn, instead of drawing nothing. A class: React knows no other way. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { failedAt: string | undefined }> {
  override state = { failedAt: undefined as string | undefined };

  static getDerivedStateFromError() {
    return { failedAt: "" };
  }

  override componentDidCatch() {
    this.setState({ failedAt: this.props.place });
  }

  override componentDidUpdate() {
    const { failedAt } = this.state;
    if (failedAt && failedAt !== this.props.place) this.setState({ failedAt: undefined });
  }

  override render() {
    if (this.state.failedAt === undefined) return this.props.children;
    return (
      <div className="note bad" role="alert">
        <p>
          This page could not be drawn. That is a defect of the console; the browser’s log has the details.
        </p>
        <button type="button" className="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </div>
    );
  }
}
