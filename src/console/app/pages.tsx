import type { ReactNode } from "react";
import { Route, Switch } from "wouter";
import { ChannelPage } from "../channels/channel-page.tsx";
import { ChannelsPage } from "../channels/channels-page.tsx";
import { ChooseKindPage, NewChannelPage } from "../channels/new-channel-page.tsx";
import { DeliveriesPage } from "../deliveries/deliveries-page.tsx";
import { DeliveryPage } from "../deliveries/delivery-page.tsx";
import { OverviewPage } from "../overview/overview-page.tsx";
import { NewReplayPage } from "../replays/new-replay-page.tsx";
import { ReplayPage } from "../replays/replay-page.tsx";
import { ReplaysPage } from "../replays/replays-page.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { useConsole } from "./console-context.ts";

/** Which page an address shows, and which scope it needs. */
export function Pages() {
  return (
    <Switch>
      <Route path="/">
        <Needs scope="deliveries:read">
          <OverviewPage />
        </Needs>
      </Route>
      <Route path="/channels">
        <Needs scope="channels:read">
          <ChannelsPage />
        </Needs>
      </Route>
      <Route path="/channels/new">
        <Needs scope="channels:write">
          <ChooseKindPage />
        </Needs>
      </Route>
      <Route path="/channels/new/:kind">
        {({ kind }) => (
          <Needs scope="channels:write">
            <NewChannelPage kind={kind} key={kind} />
          </Needs>
        )}
      </Route>
      <Route path="/channels/:id">
        {({ id }) => (
          <Needs scope="channels:read">
            <ChannelPage id={id} key={id} />
          </Needs>
        )}
      </Route>
      <Route path="/deliveries">
        <Needs scope="deliveries:read">
          <DeliveriesPage />
        </Needs>
      </Route>
      <Route path="/deliveries/:id">
        {({ id }) => (
          <Needs scope="deliveries:read">
            <DeliveryPage id={id} key={id} />
          </Needs>
        )}
      </Route>
      <Route path="/replays">
        <Needs scope="deliveries:read">
          <ReplaysPage />
        </Needs>
      </Route>
      <Route path="/replays/new">
        <Needs scope="deliveries:write">
          <NewReplayPage />
        </Needs>
      </Route>
      <Route path="/replays/:id">
        {({ id }) => (
          <Needs scope="deliveries:read">
            <ReplayPage id={id} key={id} />
          </Needs>
        )}
      </Route>
      <Route>
        <PageTitle title="There is no such page" />
        <p>The address may be mistyped, or from another version.</p>
      </Route>
    </Switch>
  );
}

function Needs({ scope, children }: { scope: string; children: ReactNode }) {
  const { may, ownKey } = useConsole();
  if (may(scope)) return children;
  return (
    <>
      <PageTitle title="Not with this key" />
      <p>
        This page needs the scope <code>{scope}</code>. The key “{ownKey.name}” has{" "}
        {ownKey.scopes.length > 0 ? <code>{ownKey.scopes.join(", ")}</code> : "none"}.
      </p>
    </>
  );
}
