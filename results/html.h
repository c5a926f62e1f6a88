/* Pieces of HTML appended to a Str. Markup is written with str_add; everything that comes from
 * outside goes through html_text. Internal to results/.
 *
 *     str_add(out, "<td>");
 *     html_text(out, method);
 *     str_add(out, "</td>");
 */
#ifndef RESULTS_HTML_H
#define RESULTS_HTML_H

#include "str.h"

/* Text as text, between tags or inside a quoted attribute: & < > " ' escaped, control characters
 * as spaces. NULL writes nothing. */
void html_text(Str *out, const char *text);

/* <name>text</name>, or with a class: <name class="class_name">text</name> when it is not NULL. */
void html_element(Str *out, const char *name, const char *class_name, const char *text);

#endif
