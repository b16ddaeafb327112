import { Link } from "wouter";
import { PageTitle } from "./page-title.tsx";

interface NoSuchProps {
  /** What the address should have named, for example "channel". */
  what: string;
  /** The way to those that there are. */
  list: { path: string; label: string };
}

/** A page whose address names nothing. */
export function NoSuch({ what, list }: NoSuchProps) {
  return (
    <>
      <PageTitle title={`There is no such ${what}`} />
      <p>
        The address may be mistyped, or the {what} is deleted. <Link href={list.path}>{list.label}</Link>
      </p>
    </>
  );
}
