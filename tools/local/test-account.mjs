/** The one account of a registry that asks for basic auth in a test; it is worth nothing anywhere else. */
export const TEST_USER = "tester";
export const TEST_PASSWORD = "loopback-only";

/** Text of an htpasswd file with that account. bcrypt, since the registry takes nothing else. */
export const TEST_HTPASSWD = "tester:$2y$05$abcdefghijklmnopqrstuucJNoj1zsjPrqk/a2HjbuRSfW87b9Cb2\n";
