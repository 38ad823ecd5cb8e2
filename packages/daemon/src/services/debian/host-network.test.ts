import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { parseNetworkSettings, readNetworkSettings } from "./host-network.ts";

const KEPT = [
  'Acquire::http::Proxy "http://proxy.test:3128";',
  'Acquire::http::Proxy::mirror.test "DIRECT";',
  'Acquire::https::CaInfo "/etc/ssl/lan.pem";',
  'Acquire::https::mirror.test::SslCert "/etc/ssl/me.pem";',
  'Acquire::http::Pipeline-Depth "0";',
  'Acquire::Retries "5";',
  'Acquire::ForceIPv4 "true";',
  'Acquire::Check-Valid-Until "false";',
];
const LEFT = [
  'Acquire "";',
  'Acquire::http::Proxy "";',
  'Acquire::https::Verify-Peer "false";',
  'Acquire::https::mirror.test::Verify-Host "false";',
  'Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";',
  'Acquire::gpgv::Options "--x";',
  'Acquire::AllowInsecureRepositories "1";',
  'APT::Update::Pre-Invoke:: "Acquire::Retries 3";',
  'Acquire::http::Timeout "1"; APT::Update::Pre-Invoke { "x"; };',
];

test("the host's proxies and certificates are taken over; hooks, and what turns checks off, are not", () => {
  assert.deepEqual(parseNetworkSettings([...LEFT, ...KEPT, ""].join("\n")), KEPT);
});

test("a host without apt is told so", async () => {
  const signal = new AbortController().signal;
  await assert.rejects(readNetworkSettings(new FakeExec(), { signal }), {
    code: "PREREQUISITE_MISSING",
    message: "apt-config is not installed",
  });
});
