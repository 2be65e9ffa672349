/**
 * Creates an authority and certificates for a test, with openssl in a temporary directory.
 *
 * @module
 */

const KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(" ");

/** A certificate and its key, as PEM and as files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
}

export class Authority implements Disposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "certificates-" });
  #signed = 0;

  /** Creates an authority that no peer trusts yet. */
  constructor() {
    openssl(
      ..."req -x509 -days 2 -subj /CN=authority".split(" "),
      ...KEY,
      ...["-keyout", `${this.#directory}/ca.key`, "-out", this.path],
    );
  }

  get cert(): string {
    return Deno.readTextFileSync(this.path);
  }

  get path(): string {
    return `${this.#directory}/ca.pem`;
  }

  /** Signs a certificate for `names`, such as `IP:127.0.0.1`. */
  sign(names: string): Certificate {
    const base = `${this.#directory}/${++this.#signed}`;
    const keyPath = `${base}.key`;
    const certPath = `${base}.pem`;
    Deno.writeTextFileSync(`${base}.ext`, `subjectAltName=${names}\n`);
    openssl(...["req", "-subj", "/CN=test"], ...KEY, "-keyout", keyPath, "-out", `${base}.csr`);
    openssl(
      ...["x509", "-req", "-days", "2", "-in", `${base}.csr`, "-extfile", `${base}.ext`],
      ...["-CA", this.path, "-CAkey", `${this.#directory}/ca.key`, "-CAcreateserial"],
      ...["-out", certPath],
    );
    const [cert, key] = [Deno.readTextFileSync(certPath), Deno.readTextFileSync(keyPath)];
    return { cert, key, certPath, keyPath };
  }

  /** Deletes its files. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function openssl(...args: readonly string[]): void {
  const { success, stderr } = new Deno.Command("openssl", { args: [...args] }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
