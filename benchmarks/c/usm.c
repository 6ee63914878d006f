#include "usm.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FLAG_AUTH = 1, FLAG_PRIV = 2, FLAG_REPORTABLE = 4, USM_MODEL = 3, MAX_SIZE = 65507 };

struct usm {
    const char *user, *auth_password, *priv_password;
    uint8_t engine_id[MAX_ENGINE_ID];
    size_t engine_id_size;
    uint32_t boots, time;
    time_t time_known_at;
    uint64_t salt;
    /* A digest is made of copies of these, in which the key has been digested already. */
    EVP_MD_CTX *inner, *outer, *digest;
    EVP_CIPHER_CTX *encrypt, *decrypt;
};

static void check(int worked)
{
    if (!worked) {
        fputs("load: libcrypto failed\n", stderr);
        exit(2);
    }
}

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

struct usm *usm_new(const char *user, const char *auth_password, const char *priv_password)
{
    struct usm *usm = calloc(1, sizeof *usm);

    if (!usm)
        abort();
    usm->user = user;
    usm->auth_password = auth_password;
    usm->priv_password = priv_password;
    usm->inner = EVP_MD_CTX_new();
    usm->outer = EVP_MD_CTX_new();
    usm->digest = EVP_MD_CTX_new();
    usm->encrypt = EVP_CIPHER_CTX_new();
    usm->decrypt = EVP_CIPHER_CTX_new();
    check(usm->inner && usm->outer && usm->digest && usm->encrypt && usm->decrypt);
    check(RAND_bytes((uint8_t *)&usm->salt, sizeof usm->salt));
    return usm;
}

/* RFC 3414 section 2.6: a megabyte of the password makes the key, the engineID makes it local. */
static void localise(struct usm *usm, const char *password, uint8_t key[DIGEST_SIZE])
{
    EVP_MD_CTX *digest = usm->digest;
    size_t size = strlen(password);

    check(EVP_DigestInit_ex(digest, EVP_sha256(), NULL));
    for (size_t left = 1 << 20; left; left -= size < left ? size : left)
        check(EVP_DigestUpdate(digest, password, size < left ? size : left));
    check(EVP_DigestFinal_ex(digest, key, NULL));
    check(EVP_DigestInit_ex(digest, EVP_sha256(), NULL));
    check(EVP_DigestUpdate(digest, key, DIGEST_SIZE));
    check(EVP_DigestUpdate(digest, usm->engine_id, usm->engine_id_size));
    check(EVP_DigestUpdate(digest, key, DIGEST_SIZE));
    check(EVP_DigestFinal_ex(digest, key, NULL));
}

static void begin_digest(EVP_MD_CTX *context, const uint8_t key[DIGEST_SIZE], uint8_t pad)
{
    uint8_t block[BLOCK_SIZE];

    memset(block, pad, sizeof block);
    for (int i = 0; i < DIGEST_SIZE; i++)
        block[i] ^= key[i];
    check(EVP_DigestInit_ex(context, EVP_sha256(), NULL));
    check(EVP_DigestUpdate(context, block, sizeof block));
}

static void learn_engine(struct usm *usm, struct in engine_id)
{
    uint8_t key[DIGEST_SIZE];

    usm->engine_id_size = (size_t)(engine_id.end - engine_id.at);
    memcpy(usm->engine_id, engine_id.at, usm->engine_id_size);
    localise(usm, usm->auth_password, key);
    begin_digest(usm->inner, key, 0x36);
    begin_digest(usm->outer, key, 0x5C);
    localise(usm, usm->priv_password, key);
    check(EVP_EncryptInit_ex(usm->encrypt, EVP_aes_128_cfb128(), NULL, key, NULL));
    check(EVP_DecryptInit_ex(usm->decrypt, EVP_aes_128_cfb128(), NULL, key, NULL));
}

static void authenticate(struct usm *usm, const uint8_t *message, size_t size, uint8_t *digest)
{
    check(EVP_MD_CTX_copy_ex(usm->digest, usm->inner));
    check(EVP_DigestUpdate(usm->digest, message, size));
    check(EVP_DigestFinal_ex(usm->digest, digest, NULL));
    check(EVP_MD_CTX_copy_ex(usm->digest, usm->outer));
    check(EVP_DigestUpdate(usm->digest, digest, DIGEST_SIZE));
    check(EVP_DigestFinal_ex(usm->digest, digest, NULL));
}

/* RFC 3826 section 3.1.2.1: boots, time and salt are the initialisation vector. */
static void make_vector(uint32_t boots, uint32_t time, const uint8_t *salt, uint8_t vector[16])
{
    for (int i = 0; i < 4; i++) {
        vector[i] = (uint8_t)(boots >> (24 - 8 * i));
        vector[4 + i] = (uint8_t)(time >> (24 - 8 * i));
    }
    memcpy(vector + 8, salt, SALT_SIZE);
}

void usm_protect(struct usm *usm, struct out *out, const uint8_t *end, uint32_t id)
{
    bool secure = usm->engine_id_size != 0;
    uint8_t flags = FLAG_REPORTABLE | (secure ? FLAG_AUTH | FLAG_PRIV : 0);
    uint8_t mac[DIGEST_SIZE] = {0}, vector[16];
    uint32_t time = usm->time + (secure ? (uint32_t)(seconds() - usm->time_known_at) : 0);
    uint8_t *mac_at;
    const uint8_t *inner;
    int size;

    put_string(out, TAG_OCTETS, "", 0);
    put_string(out, TAG_OCTETS, usm->engine_id, usm->engine_id_size);
    put_header(out, TAG_SEQUENCE, end);
    if (secure) {
        usm->salt++;
        make_vector(usm->boots, time, (uint8_t *)&usm->salt, vector);
        check(EVP_EncryptInit_ex(usm->encrypt, NULL, NULL, NULL, vector));
        check(EVP_EncryptUpdate(usm->encrypt, out->at, &size, out->at, (int)(end - out->at)));
        put_header(out, TAG_OCTETS, end);
    }
    inner = out->at;
    put_string(out, TAG_OCTETS, &usm->salt, secure ? SALT_SIZE : 0);
    put_string(out, TAG_OCTETS, mac, secure ? MAC_SIZE : 0);
    mac_at = out->at + 2;
    put_string(out, TAG_OCTETS, usm->user, secure ? strlen(usm->user) : 0);
    put_integer(out, time);
    put_integer(out, usm->boots);
    put_string(out, TAG_OCTETS, usm->engine_id, usm->engine_id_size);
    put_header(out, TAG_SEQUENCE, inner);
    put_header(out, TAG_OCTETS, inner);
    inner = out->at;
    put_integer(out, USM_MODEL);
    put_string(out, TAG_OCTETS, &flags, 1);
    put_integer(out, MAX_SIZE);
    put_integer(out, id);
    put_header(out, TAG_SEQUENCE, inner);
    put_integer(out, 3);
    put_header(out, TAG_SEQUENCE, end);
    if (secure) {
        authenticate(usm, out->at, (size_t)(end - out->at), mac);
        memcpy(mac_at, mac, MAC_SIZE);
    }
}

/* Checks the MAC of a message, and leaves zeros in its place. */
static bool is_authentic(struct usm *usm, uint8_t *message, size_t size, struct in mac)
{
    uint8_t told[MAC_SIZE], digest[DIGEST_SIZE];

    if (mac.end - mac.at != MAC_SIZE)
        return false;
    memcpy(told, mac.at, MAC_SIZE);
    memset(message + (mac.at - message), 0, MAC_SIZE);
    authenticate(usm, message, size, digest);
    return !memcmp(told, digest, MAC_SIZE);
}

static bool decrypt(struct usm *usm, uint32_t boots, uint32_t time, struct in salt, uint8_t *data,
                    int size)
{
    uint8_t vector[16];

    if (salt.end - salt.at != SALT_SIZE)
        return false;
    make_vector(boots, time, salt.at, vector);
    check(EVP_DecryptInit_ex(usm->decrypt, NULL, NULL, NULL, vector));
    check(EVP_DecryptUpdate(usm->decrypt, data, &size, data, size));
    return true;
}

bool usm_open(struct usm *usm, uint8_t *message, size_t size, struct in *pdu)
{
    struct in in = {message, message + size}, header, flags, security, engine_id, user, mac, salt;
    struct in scoped, ignored;
    uint32_t version, number, boots, time;
    bool secure;

    if (!take(&in, TAG_SEQUENCE, &in) || !take_integer(&in, &version) || version != 3)
        return false;
    if (!take(&in, TAG_SEQUENCE, &header) || !take_integer(&header, &number) ||
        !take_integer(&header, &number) || !take(&header, TAG_OCTETS, &flags) ||
        flags.end - flags.at != 1)
        return false;
    if (!take(&in, TAG_OCTETS, &security) || !take(&security, TAG_SEQUENCE, &security) ||
        !take(&security, TAG_OCTETS, &engine_id) || !take_integer(&security, &boots) ||
        !take_integer(&security, &time) || !take(&security, TAG_OCTETS, &user) ||
        !take(&security, TAG_OCTETS, &mac) || !take(&security, TAG_OCTETS, &salt))
        return false;
    secure = *flags.at & FLAG_AUTH;
    if (secure && (!usm->engine_id_size || !is_authentic(usm, message, size, mac)))
        return false;
    if (*flags.at & FLAG_PRIV) {
        if (!secure || !take(&in, TAG_OCTETS, &in) ||
            !decrypt(usm, boots, time, salt, message + (in.at - message), (int)(in.end - in.at)))
            return false;
    }
    if (!take(&in, TAG_SEQUENCE, &scoped) || !take(&scoped, TAG_OCTETS, &ignored) ||
        !take(&scoped, TAG_OCTETS, &ignored) || scoped.at == scoped.end)
        return false;
    *pdu = scoped;
    if (*pdu->at == TAG_REPORT) {
        size_t engine_id_size = (size_t)(engine_id.end - engine_id.at);

        if (!engine_id_size || engine_id_size > MAX_ENGINE_ID)
            return false;
        if (!usm->engine_id_size)
            learn_engine(usm, engine_id);
        usm->boots = boots;
        usm->time = time;
        usm->time_known_at = seconds();
        return true;
    }
    return secure && *flags.at & FLAG_PRIV;
}
