/** The KEM suites of docs/PROTOCOL.md section 4, in the order in which a client offers them. */
export const SUITES = ["MLKEM768-X25519", "X25519"];

/** Bytes of `kem_key`: an ML-KEM-768 key (1184) and an X25519 key (32), or the latter alone. */
export const KEY_SIZES = { "MLKEM768-X25519": 1216, X25519: 32 };
