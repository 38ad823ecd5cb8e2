import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyEnvOf } from "./proxy-env.ts";

test("proxies are taken from the environment as they are, and nothing else is", () => {
  const proxies = { http_proxy: "http://proxy:3128", HTTPS_PROXY: "http://other:1", no_proxy: "" };
  assert.deepEqual(proxyEnvOf({ ...proxies, HOME: "/root", ALL_PROXY: "x", ftp_proxy: undefined }), proxies);
});
