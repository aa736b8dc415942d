// Makes the throw-away keys of a run: node keys.mjs FOLDER
// client-es256 and client-rs256 for private_key_jwt, device for the answers; each as PKCS#8 (DER),
// public JWK and public PEM.
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });

function make(name, alg, pair) {
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), alg, use: 'sig' };
  writeFileSync(`${folder}/${name}.p8`, pair.privateKey.export({ format: 'der', type: 'pkcs8' }));
  writeFileSync(`${folder}/${name}.jwk.json`, JSON.stringify(jwk));
  writeFileSync(`${folder}/${name}.pem`, pair.publicKey.export({ format: 'pem', type: 'spki' }));
}

make('device', 'ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }));
make('client-es256', 'ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }));
make('client-rs256', 'RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }));
