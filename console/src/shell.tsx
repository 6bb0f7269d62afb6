/** What surrounds each screen: navigation, who is signed in, and the banner of an outage. */
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { outage } from "./api/client";
import { ErrorNote } from "./components/notes";
import { link, useAddress } from "./routing";
import { ROUTES, type Route, type ScreenProps } from "./routes";
import { type Session, session, signOut } from "./session";
import { SignIn } from "./sign_in";
import { useStore } from "./store";

export function Shell() {
  const { name, argument } = useAddress();
  const current = useStore(session);
  const route = ROUTES[name];
  useEffect(() => {
    document.title = `${argument || route?.title || "Not found"} · Pointsman`;
  }, [route, argument]);
  return (
    <div class="shell">
      <a class="skip-link" href="#main" onClick={skipToMain}>
        Skip to content
      </a>
      <Header name={name} current={current} />
      <main id="main" tabIndex={-1}>
        <OutageBanner />
        {route === undefined ? (
          <h1>There is no page “{name}”</h1>
        ) : current[route.needs] === null ? (
          <SignIn needs={route.needs} />
        ) : (
          <LazyScreen key={`${name}/${argument}`} route={route} argument={argument} />
        )}
      </main>
    </div>
  );
}

function Header({ name, current }: { name: string; current: Session }) {
  const isSignedIn = current.services !== null || current.agent !== null;
  const active = name === "instances" || name === "create" ? "fleet" : name;
  return (
    <header class="sidebar">
      <p class="brand">
        <span class="brand-mark" aria-hidden="true" />
        Pointsman
      </p>
      <nav aria-label="Screens">
        {Object.entries(ROUTES).map(
          ([key, route]) =>
            route.inNavigation && (
              <a key={key} href={link(key)} aria-current={key === active ? "page" : undefined}>
                {route.title}
              </a>
            ),
        )}
      </nav>
      {isSignedIn && (
        <div class="who">
          <span>{describeSession(current)}</span>
          <button type="button" class="quiet" onClick={signOut}>
            Sign out
          </button>
        </div>
      )}
    </header>
  );
}

function describeSession({ services, agent }: Session): string {
  const parts = [];
  if (services) parts.push(services.mayWrite ? "Full access" : "Read-only");
  if (agent) parts.push(agent.userId ? `User ${agent.userId}` : "Agent user");
  return parts.join(" · ");
}

function OutageBanner() {
  const error = useStore(outage);
  const signedIn = useStore(session);
  if (error === null || (signedIn.services === null && signedIn.agent === null)) return null;
  const what = error.code === "DATABASE_UNAVAILABLE" ? "The database does not answer." : `${error.message}.`;
  return (
    <p class="banner" role="status">
      <strong>{what}</strong> What you see may be old. This page asks again by itself.
    </p>
  );
}

/** Load a screen's module when it is first shown. */
function LazyScreen({ route, argument }: { route: Route; argument: string }) {
  const [Screen, setScreen] = useState<ComponentType<ScreenProps> | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    let isCurrent = true;
    route.load().then(
      (module) => isCurrent && setScreen(() => module.default),
      () => isCurrent && setError(new Error("This part of the console could not be loaded. Reload the page.")),
    );
    return () => {
      isCurrent = false;
    };
  }, [route]);
  useEffect(() => {
    // Who navigates by keyboard goes on at the new screen's heading.
    if (Screen && isFirst.current && wasNavigated()) {
      isFirst.current = false;
      document.querySelector<HTMLElement>("main h1")?.focus();
    }
  }, [Screen]);
  if (error) return <ErrorNote error={error} />;
  return Screen ? <Screen argument={argument} /> : <p class="muted">Loading…</p>;
}

let navigations = 0;
addEventListener("hashchange", () => navigations++);
function wasNavigated(): boolean {
  return navigations > 0;
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
