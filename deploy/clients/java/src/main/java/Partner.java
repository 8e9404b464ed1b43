import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.EmptyWebhookSecretException;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import io.cloudevents.CloudEvent;
import io.cloudevents.http.HttpMessageFactory;
import io.cloudevents.jackson.JsonFormat;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Pushes with the official CloudEvents SDK and verifies deliveries with the official Standard Webhooks library.
 * Commands and their lines: see ../README.md.
 */
public final class Partner {
  private static final ObjectMapper JSON = new ObjectMapper();
  // 明文连接上，缺省会带 Upgrade: h2c。Over plain HTTP the default offers an upgrade to HTTP/2 in every request.
  private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  public static void main(String[] arguments) throws Exception {
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      JsonNode request = JSON.readTree(line);
      JsonNode answer = arguments[0].equals("push") ? push(URI.create(arguments[1]), request) : verify(request);
      System.out.println(JSON.writeValueAsString(answer));
    }
  }

  private static JsonNode push(URI url, JsonNode request) throws Exception {
    CloudEvent event = new JsonFormat().deserialize(JSON.writeValueAsBytes(request.get("event")));
    var message = HttpRequest.newBuilder(url);
    var body = new ByteArrayOutputStream();
    // SDK 写出请求头与请求体；签名覆盖写出的原始字节。The SDK writes headers and body. The bytes it wrote are signed.
    var writer = HttpMessageFactory.createWriter(
        message::header, bytes -> body.writeBytes(bytes == null ? new byte[0] : bytes));
    if (request.get("mode").asText().equals("binary")) {
      writer.writeBinary(event);
    } else {
      writer.writeStructured(event, new JsonFormat());
    }
    byte[] sent = body.toByteArray();
    message.header("Authorization", authorization("POST", url.getRawPath(), sent));
    message.POST(HttpRequest.BodyPublishers.ofByteArray(sent));
    HttpResponse<byte[]> answer = HTTP.send(message.build(), HttpResponse.BodyHandlers.ofByteArray());
    JsonNode content = JSON.readTree(answer.body());
    ObjectNode result = JSON.createObjectNode();
    result.put("delivered", answer.statusCode() / 100 == 2);
    result.put("status", answer.statusCode());
    result.set("code", content.get("code"));
    result.set("content", content);
    return result;
  }

  private static String authorization(String method, String path, byte[] body)
      throws GeneralSecurityException, IOException {
    String timestamp = String.valueOf(System.currentTimeMillis() / 1000);
    String nonce = UUID.randomUUID().toString();
    var message = new ByteArrayOutputStream();
    message.write((method + "\n" + path + "\n" + timestamp + "\n" + nonce + "\n").getBytes(StandardCharsets.UTF_8));
    message.write(body);
    message.write('\n');
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(System.getenv("TPH_SECRET").getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
    String signature = Base64.getEncoder().encodeToString(mac.doFinal(message.toByteArray()));
    return "CP1-HMAC-SHA256 app_key=\"" + System.getenv("TPH_APP_KEY") + "\",timestamp=\"" + timestamp
        + "\",nonce=\"" + nonce + "\",signature=\"" + signature + "\"";
  }

  private static JsonNode verify(JsonNode request) throws EmptyWebhookSecretException {
    Map<String, List<String>> headers = new HashMap<>();
    request.get("headers").fields()
        .forEachRemaining(one -> headers.put(one.getKey(), List.of(one.getValue().asText())));
    boolean valid = true;
    try {
      new Webhook(request.get("secret").asText())
          .verify(request.get("body").asText(), HttpHeaders.of(headers, (name, value) -> true));
    } catch (WebhookVerificationException refused) {
      valid = false;
    }
    return JSON.createObjectNode().put("valid", valid);
  }
}
