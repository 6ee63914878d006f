/* The BER that the load generator needs (RFC 3417 section 8).
 *
 * Messages are written from their end to their front, so that every length is known when its turn
 * comes. They are read element by element; whatever does not fit makes the reader say false.
 */
#ifndef BENCH_BER_H
#define BENCH_BER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    TAG_INTEGER = 0x02,
    TAG_OCTETS = 0x04,
    TAG_NULL = 0x05,
    TAG_OID = 0x06,
    TAG_SEQUENCE = 0x30,
    TAG_END_OF_MIB_VIEW = 0x82,
    TAG_GET = 0xA0,
    TAG_RESPONSE = 0xA2,
    TAG_GETBULK = 0xA5,
    TAG_REPORT = 0xA8,
};

struct out {
    uint8_t *at;
};

struct in {
    const uint8_t *at, *end;
};

static inline void put_octets(struct out *out, const void *octets, size_t size)
{
    out->at -= size;
    memcpy(out->at, octets, size);
}

/* Puts the header of a content that ends at `end` and begins where `out` is. */
static inline void put_header(struct out *out, uint8_t tag, const uint8_t *end)
{
    size_t size = (size_t)(end - out->at);

    if (size < 0x80) {
        *--out->at = (uint8_t)size;
    } else {
        *--out->at = (uint8_t)size;
        if (size > 0xFF)
            *--out->at = (uint8_t)(size >> 8);
        *--out->at = size > 0xFF ? 0x82 : 0x81;
    }
    *--out->at = tag;
}

static inline void put_string(struct out *out, uint8_t tag, const void *octets, size_t size)
{
    const uint8_t *end = out->at;

    put_octets(out, octets, size);
    put_header(out, tag, end);
}

static inline void put_integer(struct out *out, uint32_t value)
{
    const uint8_t *end = out->at;

    do {
        *--out->at = (uint8_t)value;
        value >>= 8;
    } while (value);
    if (*out->at & 0x80)
        *--out->at = 0;
    put_header(out, TAG_INTEGER, end);
}

/* Takes the next element, whatever it is. */
static inline bool take_any(struct in *in, uint8_t *tag, struct in *content)
{
    const uint8_t *start;
    size_t size, count;

    if (in->end - in->at < 2)
        return false;
    *tag = *in->at++;
    size = *in->at++;
    if (size >= 0x80) {
        count = size & 0x7F;
        if (count > 3 || (size_t)(in->end - in->at) < count)
            return false;
        for (size = 0; count; count--)
            size = size << 8 | *in->at++;
    }
    if ((size_t)(in->end - in->at) < size)
        return false;
    start = in->at;
    in->at += size;
    /* Last, for it may be the same place: the content instead of what it was in. */
    *content = (struct in){start, start + size};
    return true;
}

static inline bool take(struct in *in, uint8_t expected, struct in *content)
{
    uint8_t tag;

    return take_any(in, &tag, content) && tag == expected;
}

static inline bool take_integer(struct in *in, uint32_t *value)
{
    struct in content;

    if (!take(in, TAG_INTEGER, &content) || content.at == content.end)
        return false;
    for (*value = 0; content.at < content.end; content.at++)
        *value = *value << 8 | *content.at;
    return true;
}

#endif
