/* Escaped text and small elements: see html.h. */
#include "html.h"

#include <stddef.h>

static const char *special(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return (unsigned char)c < ' ' || c == 0x7f ? " " : NULL;
    }
}

void html_text(Str *out, const char *text)
{
    if (text == NULL) return;
    const char *start = text;
    for (; *text != '\0'; text++) {
        const char *escaped = special(*text);
        if (escaped == NULL) continue;
        str_add_n(out, start, (size_t)(text - start));
        str_add(out, escaped);
        start = text + 1;
    }
    str_add(out, start);
}

void html_element(Str *out, const char *name, const char *class_name, const char *text)
{
    str_addf(out, "<%s", name);
    if (class_name != NULL) str_addf(out, " class=\"%s\"", class_name);
    str_add(out, ">");
    html_text(out, text);
    str_addf(out, "</%s>", name);
}
