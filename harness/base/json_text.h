/* The two pieces of JSON that need care, appended to a Str: texts and numbers. Braces and commas
 * are the caller's. What is written here reads back the same through a JSON parser and through a
 * YAML parser. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "str.h"

/* Quoted and escaped. Text is UTF-8; bytes that are not become U+FFFD. */
void json_add_text(Str *out, const char *text);

/* The shortest of 15, 16 or 17 significant digits that reads back to the same double; -0 is written
 * as 0. The value has to be finite (JSON knows no other). */
void json_add_number(Str *out, double value);

#endif
