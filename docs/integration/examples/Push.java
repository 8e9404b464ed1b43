import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * CP1 签名、推送一批事件、验证回执推送。JDK 17 以上，无第三方库。Signs, pushes one batch, verifies a receipt; JDK 17, nothing else.
 *
 * <pre>
 * java Push.java push EVENTS.json
 * java Push.java sign METHOD PATH TIMESTAMP NONCE &lt; body
 * java Push.java verify WEBHOOK_ID WEBHOOK_TIMESTAMP WEBHOOK_SIGNATURE &lt; body
 * </pre>
 */
public class Push {
    static final String EVENTS = "/api/v1/ingest/events";
    static final long WINDOW_S = 300;

    static byte[] hmac(byte[] key, byte[] head, byte[] body, byte[] tail) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update(head);
        mac.update(body);
        return mac.doFinal(tail);
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    // 五行，各以换行结尾；请求体为原始字节。Five lines, each ended by a newline; the body as raw bytes.
    static String authorization(String method, String path, String timestamp, String nonce, byte[] body) throws Exception {
        byte[] head = utf8(method + "\n" + path + "\n" + timestamp + "\n" + nonce + "\n");
        byte[] digest = hmac(utf8(System.getenv("TPH_SECRET")), head, body, utf8("\n"));
        return String.format("CP1-HMAC-SHA256 app_key=\"%s\",timestamp=\"%s\",nonce=\"%s\",signature=\"%s\"",
                System.getenv("TPH_APP_KEY"), timestamp, nonce, Base64.getEncoder().encodeToString(digest));
    }

    static int push(byte[] body) throws Exception {
        String now = String.valueOf(System.currentTimeMillis() / 1000);
        String nonce = UUID.randomUUID().toString().replace("-", "");
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("TPH_GATEWAY_URL") + EVENTS))
                .timeout(Duration.ofSeconds(30))
                .header("Content-Type", "application/cloudevents-batch+json")
                .header("Authorization", authorization("POST", EVENTS, now, nonce, body))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.body());
        // 503 与 429：稍后以相同的事件 id 重试。503 and 429: send again with the same event ids.
        return answer.statusCode() == 202 ? 0 : 1;
    }

    static boolean verify(String id, String timestamp, String signatures, byte[] body) throws Exception {
        if (!timestamp.matches("[0-9]{1,12}")
                || Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(timestamp)) > WINDOW_S) {
            return false;
        }
        String secret = System.getenv("TPH_WEBHOOK_SECRET").replaceFirst("^whsec_", "");
        byte[] digest = hmac(Base64.getDecoder().decode(secret), utf8(id + "." + timestamp + "."), body, new byte[0]);
        byte[] expected = utf8("v1," + Base64.getEncoder().encodeToString(digest));
        boolean valid = false;
        // 轮换期有两个签名，任一相符即可。While a secret rotates there are two; one that fits is enough.
        for (String one : signatures.split(" ")) {
            valid |= MessageDigest.isEqual(expected, utf8(one));
        }
        return valid;
    }

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "push" -> System.exit(push(Files.readAllBytes(Path.of(arguments[1]))));
            case "sign" -> System.out.println(
                    authorization(arguments[1], arguments[2], arguments[3], arguments[4], System.in.readAllBytes()));
            default -> {
                boolean valid = verify(arguments[1], arguments[2], arguments[3], System.in.readAllBytes());
                System.out.println(valid ? "valid" : "invalid");
                System.exit(valid ? 0 : 1);
            }
        }
    }
}
