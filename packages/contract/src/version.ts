/**
 * Which build this is. The build defines the names below as constants; run from source they do not exist,
 * and the answer is honest about that.
 */

declare const BANGER_VERSION: string | undefined;
declare const BANGER_COMMIT: string | undefined;
declare const BANGER_AGENT: string | undefined;
declare const BANGER_BUILT_AT: string | undefined;

/** Version of all packages, as in the root package.json. */
export const version: string = typeof BANGER_VERSION === "string" ? BANGER_VERSION : "0.0.0-source";

/** Commit in 12 hex digits, with `+` where tracked files differed from it; `unknown` outside a git checkout. */
export const commit: string = typeof BANGER_COMMIT === "string" ? BANGER_COMMIT : "unknown";

/** Build time, ISO 8601 in UTC; `unknown` when run from source. */
export const builtAt: string = typeof BANGER_BUILT_AT === "string" ? BANGER_BUILT_AT : "unknown";

/** What the guest agent of this build says of itself, as in its HELLO; `unknown` when run from source. */
export const agent: string = typeof BANGER_AGENT === "string" ? BANGER_AGENT : "unknown";
