/** Names of files that commonly hold a secret: of a repository such a file leaves this host only when git tracks it or the user named it. */

const SECRET =
  /^(?:\.env(?:\..*|rc)?|\.netrc|\.npmrc|\.pypirc|\.htpasswd|\.git-credentials|\.dockercfg|\.pgpass|\.my\.cnf|credentials(?:\.json)?|secrets?\.(?:json|ya?ml|toml)|service-account.*\.json|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|.*\.(?:pem|key|p12|pfx|p8|pkcs12|jks|keystore|kdbx|ppk|gpg|tfvars|ovpn))$/i;
const SECRET_FOLDER = /^(?:\.ssh|\.aws|\.gnupg|\.kube|\.docker|\.azure)$/i;

/** A path, relative, as bytes. */
export function looksSecret(path: Buffer): boolean {
  const names = path.toString("latin1").split("/");
  const last = names.pop() ?? "";
  return SECRET.test(last) || /^\.env/i.test(last) || names.some((name) => SECRET_FOLDER.test(name));
}
