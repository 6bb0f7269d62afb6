/** Addresses within the page: `#/name/argument?query`. */
import { createStore, useStore } from "./store";

export interface Address {
  name: string;
  argument: string;
  query: URLSearchParams;
}

const address = createStore<Address>(parse(location.hash));
addEventListener("hashchange", () => address.set(parse(location.hash)));

export function useAddress(): Address {
  return useStore(address);
}

export function link(name: string, argument = "", query: Record<string, string> = {}): string {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${name}${argument && `/${encodeURIComponent(argument)}`}${text && `?${text}`}`;
}

export function navigate(to: string): void {
  location.hash = to;
}

/** Change the query of the address in place, so that a reload and the back button keep the filters. */
export function replaceQuery(query: Record<string, string>): void {
  const { name, argument } = address.get();
  history.replaceState(null, "", link(name, argument, query));
  address.set(parse(location.hash));
}

function parse(hash: string): Address {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name = "", argument = ""] = path.split("/", 2);
  return { name: name || "operations", argument: decode(argument), query: new URLSearchParams(query) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
