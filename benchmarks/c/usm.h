/* The manager's side of USM with HMAC-SHA-256-192 and AES-128 (RFC 3414, RFC 7860, RFC 3826). */
#ifndef BENCH_USM_H
#define BENCH_USM_H

#include "ber.h"

enum {
    DIGEST_SIZE = 32,
    BLOCK_SIZE = 64,
    MAC_SIZE = 24,
    PRIV_KEY_SIZE = 16,
    SALT_SIZE = 8,
    MAX_ENGINE_ID = 32,
};

struct usm;

/* A user of a password each for authentication and privacy, whose engine is not known yet. */
struct usm *usm_new(const char *user, const char *auth_password, const char *priv_password);

/* Puts a message around the PDU that `out` has at its front and that ends at `end`. Before the
 * engine is known, it is the one that discovers it (RFC 3414 section 4). */
void usm_protect(struct usm *usm, struct out *out, const uint8_t *end, uint32_t id);

/* Checks and decrypts a message in place and leaves its PDU in `pdu`. A report that tells of the
 * engine or its time is not authenticated where the agent could not, and updates both. */
bool usm_open(struct usm *usm, uint8_t *message, size_t size, struct in *pdu);

#endif
